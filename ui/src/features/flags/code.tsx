import type { FeatureFlag } from '@/api/flag-types'
import { host, useProject } from '@/api/project'
import { Select } from '@/ui/choice'
import { Code } from '@/ui/copy'
import { Panel } from '@/ui/panel'
import { kindOf } from './draft'
import { snippets } from './snippets'

/** Code for this flag, this project and this server. */
export function FlagCode({ flag, sdk, onSdk }: { flag: FeatureFlag; sdk: string | undefined; onSdk: (sdk: string) => void }) {
    const project = useProject()
    const kind = kindOf(flag)
    const offered = snippets({
        key: flag.key,
        kind,
        host: host(),
        token: project.api_token,
        projectId: project.id,
        server: flag.evaluation_runtime === 'server' || flag.has_encrypted_payloads,
        variants: (flag.filters.multivariate?.variants ?? []).map((variant) => variant.key),
    })
    const shown = offered.find((snippet) => snippet.id === sdk) ?? offered[0]
    if (!shown) return null
    return (
        <Panel label="Code" className="max-w-[860px] p-4">
            <div className="mb-3 flex flex-wrap items-center gap-3">
                <Select label="SDK" className="w-[170px]" value={shown.id} options={offered.map((snippet) => ({ value: snippet.id, label: snippet.name }))} onChange={onSdk} />
                <span className="text-sm text-ink-3">With this project’s key and this server’s address</span>
            </div>
            <Code label={`Code in ${shown.name}`} text={shown.code} />
            {shown.note ? <p className="mt-2 text-sm text-ink-3">{shown.note}</p> : null}
        </Panel>
    )
}
