/** What changes the cluster: kills (spec U13, U14) and leaving workers (U15). Each is a POST. */
import { plain, redirect, type Answer } from '../http/answer.js'
import type { Asked } from '../http/route.js'
import type { CommandReply } from './command-session.js'
import { isLocalAddress } from './local-address.js'
import type { RouteContext } from './route-context.js'
import { crossSiteReason } from '../http/same-origin.js'

/** Ids are short; what is longer is no id and is not sent to the master. */
export const idLengthMax = 256

interface Kill {
  readonly what: 'application' | 'driver'
  readonly folder: string
  readonly send: (id: string) => Promise<CommandReply>
}

/** Keeps what came of a command, also when no answer did: the master may have carried it out. */
async function audited(
  { audit }: RouteContext,
  { remoteAddress, visitor }: Asked,
  { command, reply }: { command: string; reply: Promise<CommandReply> },
): Promise<CommandReply> {
  const user = visitor?.user ?? null
  const who = user === null ? remoteAddress : `${user} at ${remoteAddress}`
  try {
    const got = await reply
    audit(who, command, got.ok ? 'done' : got.message)
    return got
  } catch (error) {
    audit(who, command, (error as Error).message)
    throw error
  }
}

/** P50. @returns null when the visitor may change what runs, otherwise why not */
async function modifyRefusal({ visitor }: Asked): Promise<string | null> {
  if (visitor === undefined || (await visitor.mayModify())) return null
  return `User ${visitor.user} may not change what runs here (spark.modify.acls)`
}

async function kill(
  context: RouteContext,
  asked: Asked,
  { what, folder, send }: Kill,
): Promise<Answer> {
  const { parameters, headers } = asked
  const foreign = crossSiteReason(headers)
  if (foreign !== null) return plain(403, foreign)
  if (!context.killEnabled) return plain(403, 'spark.ui.killEnabled is false on this master')
  const refusal = await modifyRefusal(asked)
  if (refusal !== null) return plain(403, refusal)
  const id = parameters.get('id') ?? ''
  if (id === '' || id.length > idLengthMax || parameters.get('terminate') !== 'true') {
    return plain(400, `expected POST ${folder}?id=<${what} id>&terminate=true`)
  }
  const reply = await audited(context, asked, { command: `kill ${what} ${id}`, reply: send(id) })
  return reply.ok ? redirect(302, '/') : plain(404, reply.message)
}

export async function killApplication(context: RouteContext, asked: Asked): Promise<Answer> {
  return kill(context, asked, {
    what: 'application',
    folder: '/app/kill/',
    send: (id) => context.commands.killApplication(id),
  })
}

export async function killDriver(context: RouteContext, asked: Asked): Promise<Answer> {
  return kill(context, asked, {
    what: 'driver',
    folder: '/driver/kill/',
    send: (id) => context.commands.killDriver(id),
  })
}

/** @returns null when the peer may decommission workers, otherwise why not */
function decommissionRefusal(
  { decommissionAllowMode }: RouteContext,
  { headers, remoteAddress }: Asked,
): string | null {
  // Spark asks for no origin here; only browsers send one, and its callers are scripts.
  const foreign = crossSiteReason(headers)
  if (foreign !== null) return foreign
  if (decommissionAllowMode === 'ALLOW') return null
  if (decommissionAllowMode === 'LOCAL' && isLocalAddress(remoteAddress)) return null
  const key = 'spark.master.ui.decommission.allow.mode'
  return decommissionAllowMode === 'LOCAL'
    ? `${key} is LOCAL and ${remoteAddress} is no address of the master's machine`
    : `${key} is DENY on this master`
}

/** As many hosts as fit into a request, whose size the server bounds. */
export async function decommission(context: RouteContext, asked: Asked): Promise<Answer> {
  const refusal = decommissionRefusal(context, asked) ?? (await modifyRefusal(asked))
  if (refusal !== null) return plain(403, refusal)
  const hosts = asked.parameters.getAll('host').filter((host) => host !== '')
  if (hosts.length === 0) {
    return plain(404, 'no host is named: POST /workers/kill/?host=<host>[&host=<host>]')
  }
  const { ok, count, message } = await audited(context, asked, {
    command: `decommission the workers on ${hosts.join(', ')}`,
    reply: context.commands.decommissionWorkers(hosts),
  })
  if (ok && count > 0) return plain(200, `workers told to leave: ${count}`)
  return plain(404, message === '' ? 'no worker registered under such a host' : message)
}
