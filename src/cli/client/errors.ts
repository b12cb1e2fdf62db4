/** What a master, or the search for one, may end in; `NoAnswer` of http.ts besides. */

/** The master said no, or none could be asked. The message is one line. */
export class Refused extends Error {
  override readonly name = 'Refused'
}

/** The master that was asked does not lead; another one may. */
export class NotLeading extends Refused {}

/** No other master is asked. */
export class Final extends Error {}

/** How answers of a master that does not lead begin (R14). */
export const NOT_ALIVE = 'Current state is not alive'

/** What to ask oneself when an answer makes no sense. */
export const NOT_OURS = 'is a Magneto master listening there?'
