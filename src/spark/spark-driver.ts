/** One driver on its connection: its application's registration, and what the core tells it. */
import type { BodyT } from '../control/codec.js'
import {
  ApplicationRegisteredT,
  MasterChangeAcknowledgedT,
  UnregisterApplicationT,
  type RegisterApplicationT,
} from '../schema/magneto.js'
import type { GatewayContext, GatewaySession } from './gateway-session.js'
import { MAX_DESCRIPTION_BYTES, registerApplicationOf, toDriver } from './gateway-translate.js'
import { UnsupportedPeerError, type EndpointRef, type RegisterApplication } from './messages.js'
import { askForRelease, DRIVER_PAGE, DRIVER_PAUSES_MS } from './release.js'
import { shown, type RpcConnection } from './rpc-connection.js'

/** A larger registration is not kept until it is answered; drivers ask again by themselves, after 20 s. */
const MAX_KEPT_BYTES = 64 * 1024
/** Drivers register, a few times when the answer is slow, and unregister. */
const MAX_ONE_WAYS = 64

export class SparkDriver {
  readonly #session: GatewaySession
  readonly #context: GatewayContext
  /** Of one that we called: from the start; of any other: from its first registration on. */
  #ref: EndpointRef | null
  #isBack = false
  /** That the core has not answered yet. */
  #registration: RegisterApplicationT | null = null
  #appUiUrl = ''
  #oneWays = 0
  /** From the core's answer to the registration on: stops asking for the driver's release. */
  #stopAsking: (() => void) | null = null

  /** @param ref of one that we called, as its record has it */
  constructor(session: GatewaySession, context: GatewayContext, ref: EndpointRef | null = null) {
    this.#session = session
    this.#ref = ref
    this.#context = context
  }

  /**
   * @throws TranslationError when a number makes no sense
   * @throws UnsupportedPeerError when its version can't be told
   */
  register(message: RegisterApplication): void {
    const { connection } = this.#session
    const version = connection.dialect.requireVersion()
    const body = registerApplicationOf(message, version)
    this.#ref = message.driver
    this.#appUiUrl = message.appDescription.appUiUrl
    const name = shown(message.appDescription.name)
    this.#context.log.info(`${connection.peer}: application ${name} of Spark ${version} registers`)
    if (body.sparkDescription.byteLength === 0) {
      this.#context.log.warn(
        `application ${name}: its description has over ${MAX_DESCRIPTION_BYTES} bytes; Apache ` +
          'Workers will not be able to run its executors',
      )
    }
    const bytes = body.application.byteLength + body.sparkDescription.byteLength
    this.#registration = bytes <= MAX_KEPT_BYTES ? body : null
    this.#tell(body)
  }

  /**
   * This master leads now, and did not when the driver registered.
   *
   * @param called where those listen whom the leader before has registered, as this one may be
   */
  again(called: ReadonlySet<string>): void {
    const registration = this.#registration
    if (registration === null || called.has(registration.driverAddress ?? '')) return
    this.#session.tell(registration)
  }

  /** M29: it follows this master. Apache's Master sends no answer, and this one gets to the driver neither. */
  acknowledge(appId: string): void {
    this.#isBack = true
    this.#context.log.debug(`${this.#session.connection.peer}: application ${shown(appId)} is back`)
    // Its executors are those that its workers tell of; a driver has no list of its own.
    this.#tell(new MasterChangeAcknowledgedT(appId))
  }

  unregister(appId: string): void {
    this.#tell(new UnregisterApplicationT(appId))
  }

  /** A message of the core. @returns false when drivers have no such message */
  take(body: BodyT): boolean {
    const { connection } = this.#session
    const { log, master } = this.#context
    if (this.#isBack && body instanceof ApplicationRegisteredT) return true
    const message = master === null ? null : toDriver(body, master.address)
    if (message === null || this.#ref === null) return false
    connection.send(this.#ref, message, master!.address)
    if (body instanceof ApplicationRegisteredT) {
      this.#registration = null
      log.info(`${connection.peer}: registered as ${body.appId}`)
      this.#checkRelease(this.#ref)
    }
    return true
  }

  refused(reason: string): void {
    if (this.#ref === null) this.#session.connection.close(reason)
    else turnAway(this.#session.connection, this.#ref, reason, this.#context)
  }

  /** The connection is gone. */
  ended(): void {
    this.#stopAsking?.()
  }

  #tell(body: BodyT): void {
    this.#oneWays++
    if (this.#oneWays <= MAX_ONE_WAYS) this.#session.tell(body)
    else {
      this.#session.connection.destroy(
        `over ${MAX_ONE_WAYS} registrations and ends of applications`,
      )
    }
  }

  /** What looks like a served version may be a release that writes the same messages: it is turned away. */
  #checkRelease(driver: EndpointRef): void {
    const { connection } = this.#session
    const version = connection.dialect.requireVersion()
    this.#stopAsking ??= askForRelease({
      host: connection.host,
      webUiUrl: this.#appUiUrl,
      page: DRIVER_PAGE,
      pausesMs: DRIVER_PAUSES_MS,
      onAnswer: (release) => {
        if (connection.closed || release === null) return
        this.#context.log.info(`${connection.peer}: the driver's release is ${release}`)
        if (release.startsWith(`${version}.`)) return
        const seen = `this driver is of Spark ${release}, although its messages look like ${version}`
        const reason = new UnsupportedPeerError(seen).message
        turnAway(connection, driver, reason, this.#context)
      },
    })
  }
}

/**
 * Tells a driver that it can't be served. Spark has no message for a refused registration, but a driver
 * that has none yet obeys ApplicationRemoved all the same: it ends with an error that shows the text.
 */
export function turnAway(
  connection: RpcConnection,
  driver: EndpointRef,
  reason: string,
  { log, master }: GatewayContext,
): void {
  try {
    connection.send(
      driver,
      { kind: 'ApplicationRemoved', message: reason },
      master?.address ?? null,
    )
  } catch (error) {
    if (!(error instanceof UnsupportedPeerError)) throw error
    log.warn(`${connection.peer}: the driver can't be told why: ${error.message}`)
  }
  log.warn(`${connection.peer}: application refused: ${reason}`)
  connection.close(reason)
}
