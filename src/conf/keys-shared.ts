/** Keys that both daemons read (spec 5c, 5d). */
import type { ConfKey } from './configuration.js'
import {
  boolean,
  bytesFrom,
  durationMs,
  integer,
  orNull,
  pattern,
  port,
  proxyUrl,
  text,
} from './parsers.js'

function key<T>(entry: Omit<ConfKey<T>, 'readBy'>): ConfKey<T> {
  return { ...entry, readBy: 'both' }
}

const networkTimeoutMs = key<number>({
  name: 'spark.network.timeout',
  default: 120_000,
  parse: durationMs('s', 1),
  doc: 'How long a silent peer is waited for.',
  spec: 'P60',
})

export const portKeys = {
  portMaxRetries: key<number>({
    name: 'spark.port.maxRetries',
    default: 16,
    parse: integer(0),
    doc: 'How many ports after the wanted one are tried when it is taken (C16).',
    spec: 'P60',
  }),
  controlPort: key<number>({
    name: 'spark.magneto.control.port',
    default: 0,
    parse: port,
    doc: 'The port of the control link; 0: any free one, which peers learn from the port of the master.',
    spec: 'M',
  }),
}

export const networkKeys = {
  networkTimeoutMs,
  rpcAskTimeoutMs: key<number>({
    name: 'spark.rpc.askTimeout',
    default: networkTimeoutMs.default,
    follows: networkTimeoutMs,
    parse: durationMs('s', 1),
    doc: 'How long an answer is waited for; falls back to spark.network.timeout.',
    spec: 'P60',
  }),
  rpcLookupTimeoutMs: key<number>({
    name: 'spark.rpc.lookupTimeout',
    default: networkTimeoutMs.default,
    follows: networkTimeoutMs,
    parse: durationMs('s', 1),
    doc: 'How long an endpoint is looked for; falls back to spark.network.timeout.',
    spec: 'P60',
  }),
  rpcMessageMaxMb: key<number>({
    name: 'spark.rpc.message.maxSize',
    default: 128,
    parse: integer(1, 2047),
    doc: 'The largest message, in MiB.',
    differs: 'Here it is 16, whatever is set.',
    spec: 'P60',
  }),
}

export const loggingKeys = {
  structuredLogging: key<boolean>({
    name: 'spark.log.structuredLogging.enabled',
    default: false,
    parse: boolean,
    doc: 'Whether the daemons log JSON, one object a line; MAGNETO_LOG_FORMAT=json does the same.',
    spec: 'F5',
  }),
  redactionPattern: key<RegExp>({
    name: 'spark.redaction.regex',
    default: /secret|password|token|access[.]?key/iu,
    parse: pattern,
    doc: 'What looks secret, in names of keys and variables, is not shown or logged.',
    spec: 'P55',
  }),
}

export const webKeys = {
  killEnabled: key<boolean>({
    name: 'spark.ui.killEnabled',
    default: true,
    parse: boolean,
    doc: 'Whether applications and drivers may be killed in the web UI.',
    spec: 'P46',
  }),
  reverseProxy: key<boolean>({
    name: 'spark.ui.reverseProxy',
    default: false,
    parse: boolean,
    doc: 'Whether the master serves the pages of workers and applications.',
    spec: 'P47',
  }),
  reverseProxyUrl: key<string | null>({
    name: 'spark.ui.reverseProxyUrl',
    default: null,
    parse: orNull(proxyUrl),
    doc: 'Where a proxy in front of the master is reached.',
    spec: 'P47',
  }),
  uiRequestHeaderBytes: key<number>({
    name: 'spark.ui.requestHeaderSize',
    default: 8 * 1024,
    parse: bytesFrom(1024, 2 ** 20),
    doc: 'The largest header of a request to the web UIs; a larger one gets 431.',
    spec: 'P52',
  }),
}

export const metricsKeys = {
  metricsConf: key<string | null>({
    name: 'spark.metrics.conf',
    default: null,
    parse: orNull(text),
    doc: 'Where metrics go (docs/metrics.md); not set: metrics.properties of the configuration folder, if it is there. Its entries are also taken as spark.metrics.conf.*.',
    spec: 'P61',
  }),
}

export const sharedDecommissionKeys = {
  decommissionEnabled: key<boolean>({
    name: 'spark.decommission.enabled',
    default: false,
    parse: boolean,
    doc: 'Whether workers may be decommissioned.',
    spec: 'P62',
  }),
}
