/** Messages to another thread: those of one go travel as one, since each costs both threads some ten microseconds. */

/** More go on their way at once: the other thread begins while this one makes the rest. */
const MAX_TOGETHER = 8

export class Outbox<Message> {
  readonly #send: (messages: readonly Message[]) => void
  #messages: Message[] = []

  constructor(send: (messages: readonly Message[]) => void) {
    this.#send = send
  }

  /** In the order they are given. */
  post(message: Message): void {
    this.#messages.push(message)
    if (this.#messages.length === 1) queueMicrotask(() => this.#flush())
    if (this.#messages.length === MAX_TOGETHER) this.#flush()
  }

  #flush(): void {
    const messages = this.#messages
    this.#messages = []
    if (messages.length > 0) this.#send(messages)
  }
}
