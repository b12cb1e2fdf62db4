/** From a request of the submission protocol to its answer (spec section 9). Nothing here knows sockets. */
import type { IncomingHttpHeaders } from 'node:http'
import { encodeDriver, type BodyT } from '../control/codec.js'
import { crossSiteReason } from '../http/same-origin.js'
import {
  DriverState,
  DriverStatusResponseT,
  ReplyT,
  RequestClearCompletedDriversAndAppsT,
  RequestDriverStatusT,
  RequestKillAllDriversT,
  RequestKillDriverT,
  RequestReadyzT,
  RequestSubmitDriverT,
} from '../schema/magneto.js'
import { readCreateRequest } from './create-request.js'
import { driverOf, type MasterFacts } from './driver.js'
import {
  answer,
  PROTOCOL_VERSION,
  RestError,
  STATUS_UNKNOWN_PROTOCOL_VERSION,
  type RestAnswer,
} from './protocol.js'
import { isNotAlive, withLeader } from './standby.js'

/** Ids are short; what is longer is no id and is not sent to the master. */
const ID_CHARACTERS_MAX = 256

/** What of a peer's text is kept in the log. */
const LOGGED_CHARACTERS_MAX = 200

export interface RestContext extends MasterFacts {
  /** spark://host:port of the master that leads; null: nobody knows of one, or it is this one. */
  readonly leaderUrl: string | null
  /** @throws Error when no answer comes */
  ask(request: (requestId: number) => BodyT): Promise<ReplyT | DriverStatusResponseT>
  /** Keeps who asked for what and what came of it; all three may carry text of the peer. */
  audit(remoteAddress: string, command: string, outcome: string): void
}

export interface RestRequest {
  readonly method: string
  /** As it stands in the request line. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
  readonly remoteAddress: string
  /** @throws RestError when it is too long */
  readBody(): Promise<string>
}

interface Asked {
  readonly context: RestContext
  readonly request: RestRequest
  /** What follows the action in the path. */
  readonly id: string
}

interface Action {
  readonly method: 'GET' | 'POST'
  readonly answer: (asked: Asked) => Promise<RestAnswer>
}

const actions: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['create', { method: 'POST', answer: create }],
  ['kill', { method: 'POST', answer: kill }],
  ['killall', { method: 'POST', answer: killAll }],
  ['clear', { method: 'POST', answer: clear }],
  ['status', { method: 'GET', answer: status }],
  ['readyz', { method: 'GET', answer: readyz }],
])

/** @throws RestError for anything that a peer sent or the master left open; else it is a fault of ours */
export async function restAnswerTo(
  request: RestRequest,
  context: RestContext,
): Promise<RestAnswer> {
  const { method, target, headers } = request
  const base = 'http://unused'
  if (!target.startsWith('/') || !URL.canParse(base + target)) {
    throw new RestError(400, 'the request target is not a path')
  }
  const path = new URL(base + target).pathname
  const [, name = '', rest = ''] = /^\/v1\/submissions\/([a-z]+)(?:\/(.*))?$/s.exec(path) ?? []
  const action = actions.get(name)
  if (action === undefined) throw noAction(path)
  if (method !== action.method && !(method === 'HEAD' && action.method === 'GET')) {
    throw new RestError(405, `HTTP method ${method} is not supported by this URL`, {
      Allow: action.method,
    })
  }
  const foreign = crossSiteReason(headers)
  if (foreign !== null) throw new RestError(403, foreign)
  return action.answer({ context, request, id: idOf(rest) })
}

function noAction(path: string): RestError {
  const [version, folder] = path.split('/').filter((part) => part !== '')
  const hint = `Please submit requests through http://[host]:[port]/${PROTOCOL_VERSION}/submissions/...`
  const wrong = (reason: string): RestError => new RestError(400, `${reason} ${hint}`)
  if (version === undefined) return wrong('Missing protocol version.')
  if (version !== PROTOCOL_VERSION) {
    const seen = `Unknown protocol version '${version}'.`
    return new RestError(STATUS_UNKNOWN_PROTOCOL_VERSION, `${seen} ${hint}`)
  }
  if (folder === undefined) return wrong('Missing the /submissions prefix.')
  if (folder !== 'submissions') return wrong('Malformed path.')
  return wrong(
    'Missing an action: please specify one of /create, /kill, /killall, /clear, /status, or /readyz.',
  )
}

function idOf(rest: string): string {
  const part = rest.split('/')[0] ?? ''
  let id: string
  try {
    id = decodeURIComponent(part)
  } catch {
    throw new RestError(400, 'the submission ID is not percent-encoded UTF-8')
  }
  if (id.length <= ID_CHARACTERS_MAX) return id
  throw new RestError(400, `a submission ID has at most ${ID_CHARACTERS_MAX} characters`)
}

/** @throws RestError 503 when no answer comes: whether the master carried it out is open */
async function ask(
  context: RestContext,
  request: (requestId: number) => BodyT,
): Promise<ReplyT | DriverStatusResponseT> {
  try {
    return await context.ask(request)
  } catch (error) {
    throw new RestError(503, (error as Error).message, { 'Retry-After': '1' })
  }
}

/** Asks, and keeps what came of it, also when no answer did. */
async function command(
  { context, request }: Asked,
  what: string,
  body: (requestId: number) => BodyT,
): Promise<ReplyT> {
  const audit = (outcome: string): void => context.audit(request.remoteAddress, what, outcome)
  try {
    const reply = await ask(context, body)
    if (!(reply instanceof ReplyT)) throw new Error(`the core answered ${what} with a status`)
    audit(reply.message ?? (reply.ok ? 'done' : 'refused'))
    reply.message = withLeader(reply.message, context.leaderUrl)
    return reply
  } catch (error) {
    audit((error as Error).message)
    throw error
  }
}

function logged(text: string | null): string {
  return (text ?? '').slice(0, LOGGED_CHARACTERS_MAX)
}

async function create(asked: Asked): Promise<RestAnswer> {
  const request = readCreateRequest(await asked.request.readBody())
  const description = encodeDriver(driverOf(request, asked.context))
  const { mainClass, appResource } = request
  const what = [logged(mainClass), logged(appResource)].filter((part) => part !== '').join(' of ')
  const { ok, message, id } = await command(
    asked,
    `run ${what} as a driver`,
    (requestId) => new RequestSubmitDriverT(requestId, description),
  )
  return answer('CreateSubmissionResponse', {
    message,
    submissionId: ok ? id : null,
    success: ok,
    unknownFields: request.unknownFields.length === 0 ? null : request.unknownFields,
  })
}

async function kill(asked: Asked): Promise<RestAnswer> {
  const { id } = asked
  if (id === '') throw new RestError(400, 'Submission ID is missing in kill request.')
  const { ok, message } = await command(
    asked,
    `kill driver ${id}`,
    (requestId) => new RequestKillDriverT(requestId, id),
  )
  return answer('KillSubmissionResponse', { message, submissionId: id, success: ok })
}

async function killAll(asked: Asked): Promise<RestAnswer> {
  const { ok, message } = await command(
    asked,
    'kill all drivers',
    (requestId) => new RequestKillAllDriversT(requestId),
  )
  return answer('KillAllSubmissionResponse', { message, success: ok })
}

async function clear(asked: Asked): Promise<RestAnswer> {
  const { ok } = await command(
    asked,
    'clear what has completed',
    (requestId) => new RequestClearCompletedDriversAndAppsT(requestId),
  )
  return answer('ClearResponse', { message: '', success: ok })
}

/** What the master could not say, and how a driver failed, have the same field. */
function statusMessage(text: string | null): string | null {
  if (text === null || text === '') return null
  return isNotAlive(text) ? text : `Exception from the cluster:\n${text}`
}

async function status({ context, id }: Asked): Promise<RestAnswer> {
  if (id === '') throw new RestError(400, 'Submission ID is missing in status request.')
  const told = await ask(context, (requestId) => new RequestDriverStatusT(requestId, id))
  const body =
    told instanceof ReplyT
      ? {
          found: false,
          state: 0,
          workerId: null,
          workerHostPort: null,
          exception: withLeader(told.message, context.leaderUrl),
        }
      : told
  return answer('SubmissionStatusResponse', {
    submissionId: id,
    success: body.found,
    driverState: body.found ? DriverState[body.state]! : null,
    workerId: body.workerId,
    workerHostPort: body.workerHostPort,
    message: statusMessage(body.exception),
  })
}

async function readyz({ context }: Asked): Promise<RestAnswer> {
  const told = await ask(context, (requestId) => new RequestReadyzT(requestId))
  if (!(told instanceof ReplyT) || !told.ok) throw new RestError(503, 'Master is not ready.')
  return answer('ReadyzResponse', { message: '', success: true })
}
