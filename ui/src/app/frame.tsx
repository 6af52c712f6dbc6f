import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Outlet, useRouter, useRouterState } from '@tanstack/react-router'
import { Dialog as RadixDialog } from 'radix-ui'
import { lazy, Suspense, useEffect, useMemo, useState } from 'react'
import { ProjectContext } from '@/api/project'
import { me, projectDetails } from '@/api/queries'
import { FrameContext } from '@/ui/page'
import { Failed, Skeleton } from '@/ui/states'
import { adoptTheme } from '@/ui/theme'
import { Toasts } from '@/ui/toast'
import { Navigation } from './navigation'
import { useShortcuts } from './shortcuts'

const Palette = lazy(() => import('./palette').then((module) => ({ default: module.Palette })))
const ShortcutSheet = lazy(() => import('./shortcut-sheet').then((module) => ({ default: module.ShortcutSheet })))

const route = getRouteApi('/project/$projectId')

/** Navigation, palette, shortcuts and messages around every page of a project. */
export function Frame() {
    const { projectId } = route.useParams()
    const user = useQuery(me)
    const project = useQuery(projectDetails(Number(projectId)))
    const chosen = user.data?.theme_mode
    useEffect(() => adoptTheme(chosen), [chosen])
    if (project.isError) return <Failed className="pt-[20vh]" what="This project cannot be opened" error={project.error} onRetry={() => void project.refetch()} />
    if (!user.data || !project.data) return <FrameSkeleton />
    return (
        <ProjectContext.Provider value={{ project: project.data, user: user.data }}>
            <FrameBody projectId={projectId} />
        </ProjectContext.Provider>
    )
}

function FrameBody({ projectId }: { projectId: string }) {
    const router = useRouter()
    const [palette, setPalette] = useState(false)
    const [sheet, setSheet] = useState(false)
    const [navigation, setNavigation] = useState(false)
    const pathname = useRouterState({ select: (state) => state.location.pathname })
    useEffect(() => setNavigation(false), [pathname])

    const actions = useMemo(
        () => ({
            palette: () => setPalette((open) => !open),
            sheet: () => setSheet(true),
            go: (path: string) => router.history.push(`/project/${projectId}${path}`),
        }),
        [router, projectId]
    )
    useShortcuts(actions)
    const frame = useMemo(() => ({ openPalette: () => setPalette(true), openNavigation: () => setNavigation(true) }), [])

    return (
        <FrameContext.Provider value={frame}>
            <a href="#content" className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded-md focus:bg-surface focus:px-3 focus:py-2">
                Skip to content
            </a>
            <div className="md:grid md:grid-cols-[var(--nav)_minmax(0,1fr)]">
                <div className="sticky top-0 hidden h-dvh border-r border-line md:block">
                    <Navigation />
                </div>
                <Outlet />
            </div>
            <RadixDialog.Root open={navigation} onOpenChange={setNavigation}>
                <RadixDialog.Portal>
                    <RadixDialog.Overlay className="fixed inset-0 z-40 bg-[oklch(20%_.01_60/.32)] dark:bg-[oklch(0%_0_0/.5)]" />
                    <RadixDialog.Content aria-describedby={undefined} className="appear fixed inset-y-0 left-0 z-50 w-[270px] border-r border-line bg-bg shadow-float outline-none">
                        <RadixDialog.Title className="sr-only">Navigation</RadixDialog.Title>
                        <Navigation />
                    </RadixDialog.Content>
                </RadixDialog.Portal>
            </RadixDialog.Root>
            <Suspense>
                {palette ? <Palette open onOpenChange={setPalette} /> : null}
                {sheet ? <ShortcutSheet open onOpenChange={setSheet} /> : null}
            </Suspense>
            <Toasts />
        </FrameContext.Provider>
    )
}

export function FrameSkeleton() {
    return (
        <div role="status" aria-label="Loading" className="md:grid md:grid-cols-[var(--nav)_minmax(0,1fr)]">
            <div className="hidden h-dvh flex-col gap-3 border-r border-line px-4 py-5 md:flex">
                <Skeleton className="h-5 w-24" />
                <Skeleton className="h-8" />
                {Array.from({ length: 6 }, (_, index) => (
                    <Skeleton key={index} className="h-4 w-28" />
                ))}
            </div>
            <div>
                <div className="flex h-12 items-center border-b border-line px-5">
                    <Skeleton className="h-4 w-40" />
                </div>
            </div>
        </div>
    )
}
