/** The pages of the master: the first one, one of each application, and what the master runs with. */
import { page, plain, type Answer } from '../http/answer.js'
import { folder, reads, type Asked, type Route } from '../http/route.js'
import { applicationPage } from './app-page.js'
import { environmentPage } from './environment-page.js'
import { livePage, revalidated } from '../http/live.js'
import { isLocalAddress } from './local-address.js'
import { clusterPage, clusterTables } from './page.js'
import type { RouteContext } from './route-context.js'

/** What a page offers its reader to do; whether it is done is judged when he asks for it (commands.ts). */
interface Offers {
  readonly killEnabled: boolean
  readonly decommissions: boolean
}

/** P46, P50, P22. */
async function offersTo(
  { killEnabled, decommissionAllowMode: mode }: RouteContext,
  { visitor, remoteAddress }: Asked,
): Promise<Offers> {
  const modifies = visitor === undefined || (await visitor.mayModify())
  const leave = mode === 'ALLOW' || (mode === 'LOCAL' && isLocalAddress(remoteAddress))
  return { killEnabled: modifies && killEnabled, decommissions: modifies && leave }
}

/** @param make depends on nothing else than the address, the offers and the cluster: all who ask for the same get it */
async function live(
  { shared }: RouteContext,
  { path, parameters, headers }: Asked,
  { killEnabled, decommissions }: Offers,
  make: () => Promise<string>,
): Promise<Answer> {
  const made = async () => livePage(await make())
  const key = `${path} ${killEnabled} ${decommissions} ${parameters.toString()}`
  const answer = await (shared === undefined ? made() : shared.get(key, made))
  return revalidated(answer, headers['if-none-match'])
}

async function cluster(context: RouteContext, asked: Asked): Promise<Answer> {
  const offers = await offersTo(context, asked)
  return live(context, asked, offers, async () => {
    const model = await context.cluster.current()
    const tables = clusterTables(model, asked.parameters)
    const { running, drivers } = tables
    await context.cluster.explain({ applications: running.rows, drivers: drivers.running.rows })
    return clusterPage(model, tables, { ...context, ...offers })
  })
}

const nothing: Offers = { killEnabled: false, decommissions: false }

async function application(context: RouteContext, asked: Asked): Promise<Answer> {
  const id = asked.parameters.get('appId') ?? ''
  if (id === '') return plain(400, 'appId is missing: /app/?appId=<application id>')
  return live(context, asked, nothing, async () => {
    const model = await context.cluster.current()
    const row = model.application(id)
    if (row !== null) await context.cluster.explain({ applications: [row], drivers: [] })
    const { historyServerUrl = null, proxied = false } = context
    const { path, parameters } = asked
    return applicationPage(row, model, { historyServerUrl, proxied, path, parameters })
  })
}

function environment({ environment: shown }: RouteContext, asked: Asked): Answer {
  if (shown === undefined) return plain(404, 'this master does not show what it runs with')
  return page(environmentPage(shown, asked))
}

export const pageRoutes: readonly Route<RouteContext>[] = [
  { methods: reads, matches: (path) => path === '/', answer: cluster },
  { methods: reads, matches: folder('/app'), answer: application },
  // Spark serves it under its class's name too.
  { methods: reads, matches: (path) => /^\/[eE]nvironment\/?$/.test(path), answer: environment },
]
