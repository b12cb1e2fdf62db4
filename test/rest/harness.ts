/** A REST server on a free port, with a core that the test plays. */
import type { BodyT } from '../../src/control/codec.js'
import { RestServer, type RestServerOptions } from '../../src/rest/server.js'
import { ReplyT, type DriverStatusResponseT } from '../../src/schema/magneto.js'

export interface Got {
  readonly status: number
  readonly headers: Headers
  /** As it came. */
  readonly text: string
  readonly json: Record<string, unknown>
}

export type PlayedCore = (body: BodyT) => ReplyT | DriverStatusResponseT

export async function startRest(
  core: PlayedCore = () => new ReplyT(1, true, 'done'),
  change: Partial<RestServerOptions> = {},
) {
  const asked: BodyT[] = []
  const audited: string[][] = []
  const faults: Error[] = []
  const server = new RestServer({
    host: '127.0.0.1',
    port: 0,
    configuredPort: 6066,
    maxRetries: 0,
    maxBodyBytes: 100_000,
    allowedAppResources: [],
    useDriverIdAsAppName: false,
    tokens: null,
    masterUrl: () => 'spark://m:7077',
    leaderUrl: () => null,
    ask: async (request) => {
      const body = request(1)
      asked.push(body)
      return core(body)
    },
    audit: (...line) => audited.push(line),
    environment: {},
    onFault: (error) => faults.push(error),
    ...change,
  })
  const port = await server.listen()
  const ask = async (method: string, path: string, body?: unknown, headers = {}): Promise<Got> => {
    const sent = typeof body === 'string' ? body : JSON.stringify(body)
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: sent }),
    })
    const text = await response.text()
    const json = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
    return { status: response.status, headers: response.headers, text, json }
  }
  return { server, port, ask, asked, audited, faults }
}

/** A whole submission as spark-submit of 4.3 writes it, with these changes. */
export function submission(change: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    action: 'CreateSubmissionRequest',
    appArgs: ['10'],
    appResource: 'file:/app.jar',
    clientSparkVersion: '4.3.0',
    environmentVariables: { SPARK_SCALA_VERSION: '2.13' },
    mainClass: 'org.example.Main',
    sparkProperties: { 'spark.app.name': 'Main', 'spark.master': 'spark://m:6066' },
    ...change,
  }
}
