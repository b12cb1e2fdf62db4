/** From the operator's settings to what the gateway and web threads start with. */
import { join } from 'node:path'
import { ANY_ADDRESS, socketAddress } from '../conf/host.js'
import { keys } from '../conf/keys.js'
import type { MasterOptions } from '../conf/options.js'
import type {
  GatewayThreadData,
  ThreadListening,
  WebThreadData,
} from '../control/thread-messages.js'
import type { WebSecurity } from '../security/web-security.js'
import { environmentFacts } from './environment.js'
import { restRules, restServerData } from './rest-settings.js'

/** @throws UsageError when a setting of REST can't be served */
export function gatewayData(options: MasterOptions, controlPort: number): GatewayThreadData {
  const { host, port, configuration } = options
  const rest = restRules(configuration)
  return {
    host: socketAddress(host),
    port,
    maxRetries: configuration.read(keys.portMaxRetries),
    controlPort,
    recoveryTimeoutMs: configuration.read(keys.recoveryTimeoutMs),
    apacheWorkerVersion: configuration.read(keys.apacheWorkerVersion),
    useDriverIdAsAppName: configuration.read(keys.useDriverIdAsAppName),
    ...(rest === null ? {} : { rest }),
  }
}

/** @throws UsageError when a setting of REST can't be served */
export function webData(
  options: MasterOptions,
  security: WebSecurity,
  metrics?: WebThreadData['metrics'],
): WebThreadData {
  const { host, webUiHost, webUiPort, publicHost, configuration } = options
  const rest = restServerData(configuration, host)
  return {
    host: socketAddress(webUiHost ?? ANY_ADDRESS),
    port: webUiPort,
    maxRetries: configuration.read(keys.portMaxRetries),
    headerBytesMax: configuration.read(keys.uiRequestHeaderBytes),
    publicHost,
    logDir: process.env['SPARK_LOG_DIR'] || join(options.home, 'logs'),
    security,
    killEnabled: configuration.read(keys.killEnabled),
    title: configuration.read(keys.masterUiTitle),
    historyServerUrl: configuration.read(keys.historyServerUrl),
    environment: environmentFacts(options),
    ...(configuration.read(keys.reverseProxy)
      ? { reverseProxy: { frontUrl: configuration.read(keys.reverseProxyUrl) } }
      : {}),
    ...(configuration.read(keys.decommissionEnabled)
      ? { decommissionAllowMode: configuration.read(keys.masterUiDecommissionAllowMode) }
      : {}),
    ...(metrics === undefined ? {} : { metrics }),
    ...(rest === null ? {} : { rest }),
  }
}

/** Where people reach the pages: through the proxy before the master, where there is one (P47). */
export function webUiUrl(
  { publicHost, configuration }: MasterOptions,
  { port, securePort }: Pick<ThreadListening, 'port' | 'securePort'>,
): string {
  const front = configuration.read(keys.reverseProxy) && configuration.read(keys.reverseProxyUrl)
  if (front) return front
  return securePort === undefined
    ? `http://${publicHost}:${port}`
    : `https://${publicHost}:${securePort}`
}
