import type { QueryClient } from '@tanstack/react-query'
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router'
import { readAlertSearch } from '../features/alerts/alert-search.ts'
import type { StatusFilter } from '../features/devices/devices.ts'
import { readPatchSearch } from '../features/patches/patches.ts'
import { readRolloutSearch } from '../features/rollouts/rollouts.ts'
import { readSection } from '../features/risk-engine/sections.ts'
import { readRunSearch } from '../features/scripts/runs.ts'
import { readScriptSearch } from '../features/scripts/script-search.ts'
import { ApiError } from './api.ts'
import { FailedPage, NotFoundPage } from './errors.tsx'
import { sessionQuery } from './session.ts'

interface RouterContext {
  queries: QueryClient
}

const rootRoute = createRootRouteWithContext<RouterContext>()({ component: Outlet, notFoundComponent: NotFoundPage })

const returning = (search: Record<string, unknown>): { return_to?: string } =>
  typeof search['return_to'] === 'string' ? { return_to: search['return_to'] } : {}

const signIn = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-in',
  validateSearch: (search): { return_to?: string; problem?: string } => ({
    ...returning(search),
    ...(typeof search['problem'] === 'string' && { problem: search['problem'] }),
  }),
  component: lazyRouteComponent(() => import('../features/signed-out/sign-in-page.tsx'), 'SignInPage'),
})

const invitation = createRoute({
  getParentRoute: () => rootRoute,
  path: '/invitation/$token',
  component: lazyRouteComponent(() => import('../features/signed-out/invitation-page.tsx'), 'InvitationPage'),
})

const askReset = createRoute({
  getParentRoute: () => rootRoute,
  path: '/reset',
  component: lazyRouteComponent(() => import('../features/signed-out/reset-page.tsx'), 'AskResetPage'),
})

const reset = createRoute({
  getParentRoute: () => rootRoute,
  path: '/reset/$token',
  component: lazyRouteComponent(() => import('../features/signed-out/reset-page.tsx'), 'ResetPage'),
})

const setup = createRoute({
  getParentRoute: () => rootRoute,
  path: '/setup',
  component: lazyRouteComponent(() => import('../features/signed-out/setup-page.tsx'), 'SetupPage'),
})

/** Whoever is not signed in is asked first, and comes back to where they were. */
async function signedIn({ context, location }: { context: RouterContext; location: { href: string } }) {
  try {
    await context.queries.ensureQueryData(sessionQuery)
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error
    throw redirect({ to: '/sign-in', search: location.href === '/' ? {} : { return_to: location.href } })
  }
}

const consent = createRoute({
  getParentRoute: () => rootRoute,
  path: '/consent/$uid',
  beforeLoad: signedIn,
  component: lazyRouteComponent(() => import('../features/consent/consent-page.tsx'), 'ConsentPage'),
})

/** Everything within the console's layout. */
const consoleRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'console',
  beforeLoad: signedIn,
  component: lazyRouteComponent(() => import('./layout/console.tsx'), 'Console'),
})

const home = createRoute({
  getParentRoute: () => consoleRoute,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/devices' })
  },
})

const STATUSES: readonly StatusFilter[] = ['online', 'offline', 'pending']

const devices = createRoute({
  getParentRoute: () => consoleRoute,
  path: '/devices',
  validateSearch: (search): { status?: StatusFilter; text?: string } => {
    const status = STATUSES.find((known) => known === search['status'])
    const text = typeof search['text'] === 'string' && search['text'] !== '' ? search['text'] : undefined
    return { ...(status && { status }), ...(text && { text }) }
  },
  component: lazyRouteComponent(() => import('../features/devices/devices-page.tsx'), 'DevicesPage'),
})

const device = createRoute({
  getParentRoute: () => devices,
  path: '$deviceId',
  component: lazyRouteComponent(() => import('../features/devices/device-drawer.tsx'), 'DeviceDrawer'),
})

const alerts = createRoute({
  getParentRoute: () => consoleRoute,
  path: '/alerts',
  validateSearch: readAlertSearch,
  component: lazyRouteComponent(() => import('../features/alerts/alerts-page.tsx'), 'AlertsPage'),
})

const alert = createRoute({
  getParentRoute: () => alerts,
  path: '$alertId',
  component: lazyRouteComponent(() => import('../features/alerts/alert-drawer.tsx'), 'AlertDrawer'),
})

const scripts = createRoute({
  getParentRoute: () => consoleRoute,
  path: '/scripts',
  validateSearch: readScriptSearch,
  component: lazyRouteComponent(() => import('../features/scripts/scripts-page.tsx'), 'ScriptsPage'),
})

const script = createRoute({
  getParentRoute: () => scripts,
  path: '$scriptId',
  component: lazyRouteComponent(() => import('../features/scripts/script-drawer.tsx'), 'ScriptDrawer'),
})

const scriptRun = createRoute({
  getParentRoute: () => consoleRoute,
  path: '/scripts/runs/$runId',
  validateSearch: readRunSearch,
  component: lazyRouteComponent(() => import('../features/scripts/run-page.tsx'), 'RunPage'),
})

const patches = createRoute({
  getParentRoute: () => consoleRoute,
  path: '/patches',
  validateSearch: readPatchSearch,
  component: lazyRouteComponent(() => import('../features/patches/patches-page.tsx'), 'PatchesPage'),
})

const rollouts = createRoute({
  getParentRoute: () => consoleRoute,
  path: '/rollouts',
  validateSearch: readRolloutSearch,
  component: lazyRouteComponent(() => import('../features/rollouts/rollouts-page.tsx'), 'RolloutsPage'),
})

const rollout = createRoute({
  getParentRoute: () => rollouts,
  path: '$operationId',
  component: lazyRouteComponent(() => import('../features/rollouts/rollout-drawer.tsx'), 'RolloutDrawer'),
})

/** A page of the signed-in without anything in its address but its path. */
const page = <const Path extends string>(path: Path, component: ReturnType<typeof lazyRouteComponent>) =>
  createRoute({ getParentRoute: () => consoleRoute, path, component })

const overview = page(
  '/overview',
  lazyRouteComponent(() => import('../features/overview/overview-page.tsx'), 'OverviewPage'),
)

const approvals = page(
  '/approvals',
  lazyRouteComponent(() => import('../features/approvals/approvals-page.tsx'), 'ApprovalsPage'),
)

const approval = createRoute({
  getParentRoute: () => approvals,
  path: '$operationId',
  // Whatever stands there is for the server to judge.
  validateSearch: (search): { link?: string } => ('link' in search ? { link: String(search['link']) } : {}),
  component: lazyRouteComponent(() => import('../features/approvals/approval-drawer.tsx'), 'ApprovalDrawer'),
})

const settingsHome = createRoute({
  getParentRoute: () => consoleRoute,
  path: '/settings',
  beforeLoad: () => {
    throw redirect({ to: '/settings/mcp-server' })
  },
})

const settings = [
  settingsHome,
  page(
    '/settings/mcp-server',
    lazyRouteComponent(() => import('../features/mcp-server/mcp-server-page.tsx'), 'McpServerPage'),
  ),
  page(
    '/settings/connected-clients',
    lazyRouteComponent(() => import('../features/grants/grants-page.tsx'), 'GrantsPage'),
  ),
  page(
    '/settings/api-keys',
    lazyRouteComponent(() => import('../features/api-keys/api-keys-page.tsx'), 'ApiKeysPage'),
  ),
  createRoute({
    getParentRoute: () => consoleRoute,
    path: '/settings/risk-engine',
    validateSearch: readSection,
    component: lazyRouteComponent(() => import('../features/risk-engine/risk-engine-page.tsx'), 'RiskEnginePage'),
  }),
  page(
    '/settings/users',
    lazyRouteComponent(() => import('../features/users/users-page.tsx'), 'UsersPage'),
  ),
  page(
    '/settings/invitations',
    lazyRouteComponent(() => import('../features/invitations/invitations-page.tsx'), 'InvitationsPage'),
  ),
  page(
    '/settings/organizations',
    lazyRouteComponent(() => import('../features/organizations/organizations-page.tsx'), 'OrganizationsPage'),
  ),
  page(
    '/settings/enrollment',
    lazyRouteComponent(() => import('../features/enrollment/enrollment-page.tsx'), 'EnrollmentPage'),
  ),
  createRoute({
    getParentRoute: () => consoleRoute,
    path: '/account',
    validateSearch: (search): { problem?: string } =>
      typeof search['problem'] === 'string' ? { problem: search['problem'] } : {},
    component: lazyRouteComponent(() => import('../features/account/account-page.tsx'), 'AccountPage'),
  }),
] as const

const routeTree = rootRoute.addChildren([
  signIn,
  invitation,
  askReset,
  reset,
  setup,
  consent,
  consoleRoute.addChildren([
    home,
    overview,
    devices.addChildren([device]),
    alerts.addChildren([alert]),
    patches,
    scripts.addChildren([script]),
    scriptRun,
    rollouts.addChildren([rollout]),
    approvals.addChildren([approval]),
    ...settings,
  ]),
])

export function makeRouter(queries: QueryClient) {
  return createRouter({
    routeTree,
    context: { queries },
    defaultPreload: 'intent',
    defaultErrorComponent: FailedPage,
    defaultNotFoundComponent: NotFoundPage,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>
  }
}
