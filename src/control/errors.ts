/** A peer broke the control protocol. The message is one line, fit for a log and for a close reason. */
export class ControlError extends Error {
  override readonly name = 'ControlError'
}
