/** The server of the master's pages. */
import { PageServer, type PageServerOptions } from '../http/page-server.js'
import type { RouteContext } from './route-context.js'
import { answerTo } from './routes.js'

export interface WebServerOptions extends Pick<
  PageServerOptions,
  | 'host'
  | 'port'
  | 'maxRetries'
  | 'headerBytesMax'
  | 'onFault'
  | 'streamed'
  | 'gate'
  | 'headers'
  | 'showErrorStacks'
  | 'secure'
> {
  readonly context: RouteContext
}

export class WebServer extends PageServer {
  constructor({ context, ...options }: WebServerOptions) {
    super({
      ...options,
      what: 'the web UI',
      portKey: 'spark.master.ui.port',
      daemon: 'master',
      answer: (request) => answerTo(request, context),
    })
  }
}
