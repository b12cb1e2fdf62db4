/** Submit clients of the generator, all on one connection: they ask for drivers. */
import type { RpcAddress } from '../../../src/spark/messages.js'
import { submittedDriverId } from './hear.js'
import { Link } from './link.js'
import type { ClientWords } from './words.js'

export class PlayedClient {
  readonly #link: Link
  readonly #words: ClientWords
  readonly #self: RpcAddress

  constructor(link: Link, words: ClientWords, self: RpcAddress) {
    this.#link = link
    this.#words = words
    this.#self = self
  }

  /** @returns the driver's id @throws Error when the master refuses it */
  submit(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#link.ask(
        (id) => this.#words.submit.frame(this.#self, id),
        (answer, error) => {
          const driverId = answer === null ? null : submittedDriverId(answer)
          if (driverId === null) reject(new Error(`RequestSubmitDriver was refused: ${error}`))
          else resolve(driverId)
        },
      )
    })
  }

  leave(): void {
    this.#link.leave()
  }
}
