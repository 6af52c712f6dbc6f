import type { EarlyAccessStage } from '@/api/flag-types'

type Stage = { value: EarlyAccessStage; label: string; means: string }

export const stages: Stage[] = [
    { value: 'draft', label: 'Draft', means: 'Nobody sees it yet.' },
    { value: 'concept', label: 'Concept', means: 'People can say that they want it; nobody gets it yet.' },
    { value: 'alpha', label: 'Alpha', means: 'Who opts in gets it. It may change or go away.' },
    { value: 'beta', label: 'Beta', means: 'Who opts in gets it. It is nearly done.' },
    { value: 'general-availability', label: 'Released', means: 'Everybody whom the flag’s own conditions reach gets it; who opted out does not.' },
    { value: 'archived', label: 'Archived', means: 'No longer offered; choices no longer count.' },
]

export const stageOf = (value: EarlyAccessStage): Stage => stages.find((stage) => stage.value === value) ?? stages[0]!

/** In these stages, a person's choice decides what the flag answers. */
export const choiceCounts = (stage: EarlyAccessStage): boolean => stage === 'alpha' || stage === 'beta' || stage === 'general-availability'

/** How a page offers the features of these stages and takes the choice. */
export function offerCode(host: string, token: string, key: string): string {
    return `posthog.init('${token}', {
  api_host: '${host}',
  defaults: '2025-05-24',
})

// What is on offer, to be shown as a list of switches
posthog.getEarlyAccessFeatures((features) => {
  console.log(features)
}, true, ['concept', 'alpha', 'beta'])

// When somebody flips the switch
posthog.updateEarlyAccessFeatureEnrollment('${key}', true)

// Where the feature lives
if (posthog.isFeatureEnabled('${key}')) {
  // show it
}`
}
