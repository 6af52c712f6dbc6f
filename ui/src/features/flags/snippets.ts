import type { FlagKind } from './draft'

export type Snippet = { id: string; name: string; code: string; note?: string }

type Wanted = { key: string; kind: FlagKind; host: string; token: string; projectId: number; server: boolean; variants?: string[] }

/** Code that asks for one flag, for this project and this server, in the words of each SDK. */
export function snippets(wanted: Wanted): Snippet[] {
    const all = [javascript(wanted), react(wanted), node(wanted), python(wanted), go(wanted), ruby(wanted), php(wanted), swift(wanted), kotlin(wanted), flutter(wanted), curl(wanted)]
    return all.filter((snippet) => (!wanted.server || servers.has(snippet.id)) && (wanted.kind !== 'remote_config' || !valuesOnly.has(snippet.id)))
}

const servers = new Set(['node', 'python', 'go', 'ruby', 'php', 'curl'])
/** SDKs that ask for on, off and variants, and not for payloads. */
const valuesOnly = new Set(['php', 'flutter'])

const chosen = ({ variants }: Wanted): string => variants?.find((key) => key !== 'control') ?? 'test'

function javascript(wanted: Wanted): Snippet {
    const { key, kind, host, token } = wanted
    const ask = {
        boolean: `posthog.onFeatureFlags(() => {\n  if (posthog.isFeatureEnabled('${key}')) {\n    // the new way\n  }\n})`,
        multivariate: `posthog.onFeatureFlags(() => {\n  if (posthog.getFeatureFlag('${key}') === '${chosen(wanted)}') {\n    // this variant\n  }\n})`,
        remote_config: `posthog.onFeatureFlags(() => {\n  const config = posthog.getFeatureFlagResult('${key}')?.payload\n})`,
    }[kind]
    return { id: 'js', name: 'JavaScript', code: `import posthog from 'posthog-js'\n\nposthog.init('${token}', {\n  api_host: '${host}',\n  defaults: '2025-05-24',\n})\n\n${ask}` }
}

function react(wanted: Wanted): Snippet {
    const { key, kind, host, token } = wanted
    const [hook, ask] = {
        boolean: ['useFeatureFlagEnabled', `const on = useFeatureFlagEnabled('${key}')\n  return on ? <New /> : <Old />`],
        multivariate: ['useFeatureFlagVariantKey', `const variant = useFeatureFlagVariantKey('${key}')\n  return variant === '${chosen(wanted)}' ? <New /> : <Old />`],
        remote_config: ['useFeatureFlagPayload', `const config = useFeatureFlagPayload('${key}')\n  return <Banner {...config} />`],
    }[kind] as [string, string]
    return { id: 'react', name: 'React', code: `import { PostHogProvider, ${hook} } from 'posthog-js/react'\n\nfunction Page() {\n  ${ask}\n}\n\n<PostHogProvider apiKey="${token}" options={{ api_host: '${host}', defaults: '2025-05-24' }}>\n  <Page />\n</PostHogProvider>` }
}

function node(wanted: Wanted): Snippet {
    const { key, kind, host, token } = wanted
    const ask = {
        boolean: `if (await posthog.isFeatureEnabled('${key}', 'user_42')) {\n  // the new way\n}`,
        multivariate: `const variant = await posthog.getFeatureFlag('${key}', 'user_42')\nif (variant === '${chosen(wanted)}') {\n  // this variant\n}`,
        remote_config: `const config = await posthog.getRemoteConfigPayload('${key}')`,
    }[kind]
    const secret = kind === 'remote_config' ? `  personalApiKey: process.env.POSTHOG_SECRET_KEY, // phs_… of the project\n` : ''
    return {
        id: 'node',
        name: 'Node.js',
        code: `import { PostHog } from 'posthog-node'\n\nconst posthog = new PostHog('${token}', {\n  host: '${host}',\n${secret}})\n\n${ask}`,
        note: kind === 'remote_config' ? undefined : 'With personalApiKey set to the project secret key (phs_…), the SDK evaluates flags itself, without a request per call.',
    }
}

function python(wanted: Wanted): Snippet {
    const { key, kind, host, token } = wanted
    const ask = {
        boolean: `if posthog.feature_enabled("${key}", "user_42"):\n    ...  # the new way`,
        multivariate: `variant = posthog.get_feature_flag("${key}", "user_42")\nif variant == "${chosen(wanted)}":\n    ...  # this variant`,
        remote_config: `config = posthog.get_remote_config_payload("${key}")`,
    }[kind]
    const secret = kind === 'remote_config' ? ', personal_api_key=os.environ["POSTHOG_SECRET_KEY"]' : ''
    return { id: 'python', name: 'Python', code: `${secret ? 'import os\n' : ''}from posthog import Posthog\n\nposthog = Posthog("${token}", host="${host}"${secret})\n\n${ask}` }
}

function go(wanted: Wanted): Snippet {
    const { key, kind, host, token } = wanted
    const ask =
        kind === 'remote_config'
            ? `config, err := client.GetRemoteConfigPayload("${key}")`
            : kind === 'multivariate'
              ? `variant, err := client.GetFeatureFlag(posthog.FeatureFlagPayload{\n\tKey:        "${key}",\n\tDistinctId: "user_42",\n})`
              : `on, err := client.IsFeatureEnabled(posthog.FeatureFlagPayload{\n\tKey:        "${key}",\n\tDistinctId: "user_42",\n})`
    return { id: 'go', name: 'Go', code: `client, err := posthog.NewWithConfig("${token}", posthog.Config{\n\tEndpoint: "${host}",\n})\ndefer client.Close()\n\n${ask}` }
}

function ruby(wanted: Wanted): Snippet {
    const { key, kind, host, token } = wanted
    const ask = kind === 'remote_config' ? `config = posthog.get_remote_config_payload('${key}')` : kind === 'multivariate' ? `variant = posthog.get_feature_flag('${key}', 'user_42')` : `if posthog.is_feature_enabled('${key}', 'user_42')\n  # the new way\nend`
    return { id: 'ruby', name: 'Ruby', code: `posthog = PostHog::Client.new(api_key: '${token}', host: '${host}')\n\n${ask}` }
}

function php(wanted: Wanted): Snippet {
    const { key, kind, host, token } = wanted
    const ask = kind === 'boolean' ? `if (PostHog::isFeatureEnabled('${key}', 'user_42')) {\n    // the new way\n}` : `$variant = PostHog::getFeatureFlag('${key}', 'user_42');`
    return { id: 'php', name: 'PHP', code: `PostHog::init('${token}', ['host' => '${host}']);\n\n${ask}` }
}

function swift({ key, kind, host, token }: Wanted): Snippet {
    const ask = kind === 'boolean' ? `if PostHogSDK.shared.isFeatureEnabled("${key}") {\n    // the new way\n}` : kind === 'multivariate' ? `let variant = PostHogSDK.shared.getFeatureFlag("${key}") as? String` : `let config = PostHogSDK.shared.getFeatureFlagPayload("${key}")`
    return { id: 'ios', name: 'iOS', code: `PostHogSDK.shared.setup(PostHogConfig(apiKey: "${token}", host: "${host}"))\n\n${ask}` }
}

function kotlin({ key, kind, host, token }: Wanted): Snippet {
    const ask = kind === 'boolean' ? `if (PostHog.isFeatureEnabled("${key}")) {\n    // the new way\n}` : kind === 'multivariate' ? `val variant = PostHog.getFeatureFlag("${key}")` : `val config = PostHog.getFeatureFlagPayload("${key}")`
    return { id: 'android', name: 'Android', code: `PostHogAndroid.setup(this, PostHogAndroidConfig(apiKey = "${token}", host = "${host}"))\n\n${ask}` }
}

function flutter({ key, kind, host, token }: Wanted): Snippet {
    const ask = kind === 'boolean' ? `if (await Posthog().isFeatureEnabled('${key}')) {\n  // the new way\n}` : `final value = await Posthog().getFeatureFlag('${key}');`
    return { id: 'flutter', name: 'Flutter', code: `final config = PostHogConfig('${token}')..host = '${host}';\nawait Posthog().setup(config);\n\n${ask}` }
}

function curl({ key, kind, host, token, projectId }: Wanted): Snippet {
    if (kind === 'remote_config') return { id: 'curl', name: 'curl', code: `curl '${host}/api/projects/${projectId}/feature_flags/${key}/remote_config?token=${token}' \\\n  -H "Authorization: Bearer $POSTHOG_SECRET_KEY"` }
    return { id: 'curl', name: 'curl', code: `curl -X POST '${host}/flags/?v=2' \\\n  -H 'Content-Type: application/json' \\\n  -d '{\n    "api_key": "${token}",\n    "distinct_id": "user_42",\n    "flag_keys_to_evaluate": ["${key}"]\n  }'` }
}
