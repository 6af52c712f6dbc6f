import { QueryCache, QueryClient } from '@tanstack/react-query'
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, Outlet, redirect } from '@tanstack/react-router'
import { ApiError } from '@/api/client'
import { readFilter } from '@/api/property-filters'
import { me, preflight, projectDetails } from '@/api/queries'
import { readActivitySearch } from '@/features/activity/search'
import { readExperimentListSearch, readExperimentSearch } from '@/features/experiments/search'
import { readFlagListSearch, readFlagSearch } from '@/features/flags/search'
import { readInsightSearch } from '@/features/insights/kinds'
import { readSurveyListSearch, readSurveySearch } from '@/features/surveys/search'
import { compact, flag, list, oneOf, text, whole } from '@/lib/search'
import { LoginPage } from '@/features/session/login'
import { Frame, FrameSkeleton } from './frame'
import { CrashPage, MissingPage } from './failures'

export const queryClient = new QueryClient({
    queryCache: new QueryCache({
        onError: (error, query) => {
            // A session that ended while a page was open: come back to the same place after logging in.
            if (error instanceof ApiError && error.status === 401 && query.queryKey[0] !== 'me' && query.queryKey[0] !== 'live-stats') {
                queryClient.removeQueries({ queryKey: ['me'] })
                void router.navigate({ to: '/login', search: { next: window.location.pathname + window.location.search } })
            }
        },
    }),
    defaultOptions: {
        queries: {
            refetchOnWindowFocus: false,
            retry: (failures, error) => failures < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 502),
        },
    },
})

const root = createRootRouteWithContext<{ client: QueryClient }>()({
    component: Outlet,
    notFoundComponent: MissingPage,
    errorComponent: CrashPage,
})

async function requireUser(client: QueryClient, href: string) {
    try {
        return await client.ensureQueryData(me)
    } catch (error) {
        if (!(error instanceof ApiError) || (error.status !== 401 && error.status !== 403)) throw error
    }
    const server = await client.ensureQueryData(preflight)
    throw server.initiated ? redirect({ to: '/login', search: { next: href === '/' ? undefined : href } }) : redirect({ to: '/signup' })
}

const home = createRoute({
    getParentRoute: () => root,
    path: '/',
    beforeLoad: async ({ context, location }) => {
        const user = await requireUser(context.client, location.href)
        const team = user.team ?? user.organization?.teams[0]
        if (!team) throw new Error('This account belongs to no project. Ask an admin of your organization for access.')
        throw redirect({ to: '/project/$projectId', params: { projectId: String(team.id) } })
    },
})

const login = createRoute({ getParentRoute: () => root, path: '/login', component: LoginPage, validateSearch: (raw: Record<string, unknown>) => compact({ next: text(raw, 'next'), note: oneOf(raw, 'note', ['password-changed'] as const) }) })
const signup = createRoute({ getParentRoute: () => root, path: '/signup', component: lazyRouteComponent(() => import('@/features/session/signup'), 'SignupPage') })
const invite = createRoute({ getParentRoute: () => root, path: '/signup/$inviteId', component: lazyRouteComponent(() => import('@/features/session/invite'), 'InvitePage') })
const reset = createRoute({ getParentRoute: () => root, path: '/reset', component: lazyRouteComponent(() => import('@/features/session/reset'), 'RequestResetPage') })
const completeReset = createRoute({
    getParentRoute: () => root,
    path: '/reset/$uuid/$token',
    component: lazyRouteComponent(() => import('@/features/session/reset'), 'CompleteResetPage'),
})

const project = createRoute({
    getParentRoute: () => root,
    path: '/project/$projectId',
    beforeLoad: ({ context, location }) => requireUser(context.client, location.href).then(() => undefined),
    component: Frame,
    pendingComponent: FrameSkeleton,
})

const projectHome = createRoute({
    getParentRoute: () => project,
    path: '/',
    beforeLoad: async ({ context, params }) => {
        const details = await context.client.ensureQueryData(projectDetails(Number(params.projectId)))
        throw redirect({ to: details.ingested_event ? '/project/$projectId/insights' : '/project/$projectId/onboarding', params })
    },
})

type Raw = Record<string, unknown>

const onboarding = createRoute({
    getParentRoute: () => project,
    path: '/onboarding',
    validateSearch: (raw: Raw) => compact({ with: text(raw, 'with') }),
    component: lazyRouteComponent(() => import('@/features/onboarding/onboarding'), 'OnboardingPage'),
})

const insights = createRoute({
    getParentRoute: () => project,
    path: '/insights',
    validateSearch: (raw: Raw) => compact({ search: text(raw, 'search'), page: whole(raw, 'page', 10_000) }),
    component: lazyRouteComponent(() => import('@/features/insights/insight-list'), 'InsightListPage'),
})

const newInsight = createRoute({
    getParentRoute: () => project,
    path: '/insights/new',
    validateSearch: readInsightSearch,
    component: lazyRouteComponent(() => import('@/features/insights/insight-page'), 'NewInsightPage'),
})

const insight = createRoute({
    getParentRoute: () => project,
    path: '/insights/$shortId',
    validateSearch: readInsightSearch,
    component: lazyRouteComponent(() => import('@/features/insights/insight-page'), 'SavedInsightPage'),
})

const activity = createRoute({
    getParentRoute: () => project,
    path: '/activity',
    validateSearch: readActivitySearch,
    component: lazyRouteComponent(() => import('@/features/activity/activity'), 'ActivityPage'),
})

const live = createRoute({
    getParentRoute: () => project,
    path: '/live',
    validateSearch: (raw: Raw) => compact({ event: text(raw, 'event'), search: text(raw, 'search') }),
    component: lazyRouteComponent(() => import('@/features/live/live'), 'LivePage'),
})

const persons = createRoute({
    getParentRoute: () => project,
    path: '/persons',
    validateSearch: (raw: Raw) => compact({ search: text(raw, 'search'), page: whole(raw, 'page', 100_000), filters: list(raw, 'filters', readFilter) }),
    component: lazyRouteComponent(() => import('@/features/persons/person-list'), 'PersonListPage'),
})

const personTabs = ['timeline', 'properties', 'flags', 'ids'] as const

const person = createRoute({
    getParentRoute: () => project,
    path: '/persons/$personId',
    validateSearch: (raw: Raw) => compact({ tab: oneOf(raw, 'tab', personTabs), event: text(raw, 'event') }),
    component: lazyRouteComponent(() => import('@/features/persons/person-page'), 'PersonPage'),
})

const groups = createRoute({
    getParentRoute: () => project,
    path: '/groups',
    validateSearch: (raw: Raw) => compact({ type: whole(raw, 'type', 5), search: text(raw, 'search'), cursor: text(raw, 'cursor') }),
    component: lazyRouteComponent(() => import('@/features/groups/group-list'), 'GroupListPage'),
})

const group = createRoute({
    getParentRoute: () => project,
    path: '/groups/$typeIndex/$groupKey',
    validateSearch: (raw: Raw) => compact({ tab: oneOf(raw, 'tab', ['properties', 'events'] as const) }),
    component: lazyRouteComponent(() => import('@/features/groups/group-page'), 'GroupPage'),
})

const cohorts = createRoute({
    getParentRoute: () => project,
    path: '/cohorts',
    validateSearch: (raw: Raw) => compact({ search: text(raw, 'search'), kind: oneOf(raw, 'kind', ['static', 'dynamic'] as const), page: whole(raw, 'page', 1000) }),
    component: lazyRouteComponent(() => import('@/features/cohorts/cohort-list'), 'CohortListPage'),
})

const cohort = createRoute({
    getParentRoute: () => project,
    path: '/cohorts/$cohortId',
    validateSearch: (raw: Raw) => compact({ search: text(raw, 'search'), page: whole(raw, 'page', 100_000), kind: oneOf(raw, 'kind', ['static', 'dynamic'] as const), filters: list(raw, 'filters', readFilter) }),
    component: lazyRouteComponent(() => import('@/features/cohorts/cohort-page'), 'CohortPage'),
})

const flags = createRoute({
    getParentRoute: () => project,
    path: '/feature_flags',
    validateSearch: readFlagListSearch,
    component: lazyRouteComponent(() => import('@/features/flags/flag-list'), 'FlagListPage'),
})

const flagPage = createRoute({
    getParentRoute: () => project,
    path: '/feature_flags/$flagId',
    validateSearch: readFlagSearch,
    component: lazyRouteComponent(() => import('@/features/flags/flag-page'), 'FlagPage'),
})

const earlyAccess = createRoute({
    getParentRoute: () => project,
    path: '/early_access_features',
    validateSearch: (raw: Raw) => compact({ search: text(raw, 'search') }),
    component: lazyRouteComponent(() => import('@/features/early-access/feature-list'), 'EarlyAccessPage'),
})

const earlyAccessFeature = createRoute({
    getParentRoute: () => project,
    path: '/early_access_features/$featureId',
    validateSearch: (raw: Raw) => compact({ flag: whole(raw, 'flag', Number.MAX_SAFE_INTEGER) }),
    component: lazyRouteComponent(() => import('@/features/early-access/feature-page'), 'EarlyAccessFeaturePage'),
})

const experiments = createRoute({
    getParentRoute: () => project,
    path: '/experiments',
    validateSearch: readExperimentListSearch,
    component: lazyRouteComponent(() => import('@/features/experiments/experiment-list'), 'ExperimentListPage'),
})

const experimentPage = createRoute({
    getParentRoute: () => project,
    path: '/experiments/$experimentId',
    validateSearch: readExperimentSearch,
    component: lazyRouteComponent(() => import('@/features/experiments/experiment-page'), 'ExperimentPage'),
})

const surveys = createRoute({
    getParentRoute: () => project,
    path: '/surveys',
    validateSearch: readSurveyListSearch,
    component: lazyRouteComponent(() => import('@/features/surveys/survey-list'), 'SurveyListPage'),
})

const surveyPage = createRoute({
    getParentRoute: () => project,
    path: '/surveys/$surveyId',
    validateSearch: readSurveySearch,
    component: lazyRouteComponent(() => import('@/features/surveys/survey-page'), 'SurveyPage'),
})

const definitions = createRoute({
    getParentRoute: () => project,
    path: '/data/$section',
    validateSearch: (raw: Raw) =>
        compact({
            search: text(raw, 'search'),
            of: oneOf(raw, 'of', ['person', 'group'] as const),
            hidden: flag(raw, 'hidden'),
            open: text(raw, 'open'),
        }),
    component: lazyRouteComponent(() => import('@/features/definitions/definitions'), 'DefinitionsPage'),
})

const ingestion = createRoute({
    getParentRoute: () => project,
    path: '/ingestion',
    component: lazyRouteComponent(() => import('@/features/ingestion/health'), 'IngestionPage'),
})

const settings = createRoute({
    getParentRoute: () => project,
    path: '/settings/$section',
    component: lazyRouteComponent(() => import('@/features/settings/settings'), 'SettingsPage'),
})

const settingsHome = createRoute({
    getParentRoute: () => project,
    path: '/settings',
    beforeLoad: ({ params }) => {
        throw redirect({ to: '/project/$projectId/settings/$section', params: { ...params, section: 'project' } })
    },
})

const tree = root.addChildren([
    home,
    login,
    signup,
    invite,
    reset,
    completeReset,
    project.addChildren([
        projectHome,
        onboarding,
        insights,
        newInsight,
        insight,
        activity,
        live,
        persons,
        person,
        groups,
        group,
        cohorts,
        cohort,
        flags,
        flagPage,
        earlyAccess,
        earlyAccessFeature,
        experiments,
        experimentPage,
        surveys,
        surveyPage,
        definitions,
        ingestion,
        settings,
        settingsHome,
    ]),
])

export const router = createRouter({
    routeTree: tree,
    context: { client: queryClient },
    defaultPreload: 'intent',
    defaultPreloadStaleTime: 0,
    scrollRestoration: true,
    defaultErrorComponent: CrashPage,
    defaultNotFoundComponent: MissingPage,
})

declare module '@tanstack/react-router' {
    interface Register {
        router: typeof router
    }
}
