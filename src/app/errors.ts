/** The catalogue of a pool's own errors: each has a code that stays the same from release to release. */

export const ErrorCode = {
  OPTION: 'ERR_MAGNETO_OPTION',
  QUEUE_FULL: 'ERR_MAGNETO_QUEUE_FULL',
  POOL_CLOSED: 'ERR_MAGNETO_POOL_CLOSED',
  APPLICATION_REMOVED: 'ERR_MAGNETO_APPLICATION_REMOVED',
  EXECUTOR_LOST: 'ERR_MAGNETO_EXECUTOR_LOST',
  DATA_CLONE: 'ERR_MAGNETO_DATA_CLONE',
  TOO_LARGE: 'ERR_MAGNETO_TOO_LARGE',
  THREAD_EXITED: 'ERR_MAGNETO_THREAD_EXITED',
  MODULE_LOAD: 'ERR_MAGNETO_MODULE_LOAD',
  NO_FUNCTION: 'ERR_MAGNETO_NO_FUNCTION',
  PROTOCOL: 'ERR_MAGNETO_PROTOCOL',
  ABORTED: 'ABORT_ERR',
} as const

export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode]

/** Every error that the pool itself raises; errors that tasks throw come back as they are. */
export class ClusterPoolError extends Error {
  override readonly name: string = 'ClusterPoolError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** An option of the pool, of `run` or of `map` that can't be used. */
export class OptionError extends ClusterPoolError {
  override readonly name = 'OptionError'
  constructor(message: string, options?: ErrorOptions) {
    super(ErrorCode.OPTION, message, options)
  }
}

/** The queue holds as many tasks, or as many bytes, as it may. Wait for `drain`, or use `map`. */
export class QueueFullError extends ClusterPoolError {
  override readonly name = 'QueueFullError'
  constructor(message: string, options?: ErrorOptions) {
    super(ErrorCode.QUEUE_FULL, message, options)
  }
}

/** The pool was closed or destroyed before the task was done. */
export class PoolClosedError extends ClusterPoolError {
  override readonly name = 'PoolClosedError'
  constructor(message: string, options?: ErrorOptions) {
    super(ErrorCode.POOL_CLOSED, message, options)
  }
}

/** The master removed or refused the application; the message carries its reason. */
export class ApplicationRemovedError extends ClusterPoolError {
  override readonly name = 'ApplicationRemovedError'
  constructor(message: string, options?: ErrorOptions) {
    super(ErrorCode.APPLICATION_REMOVED, message, options)
  }
}

/** The task was running on an executor that was lost, more often than `maxRetries` allows. */
export class ExecutorLostError extends ClusterPoolError {
  override readonly name = 'ExecutorLostError'
  constructor(message: string, options?: ErrorOptions) {
    super(ErrorCode.EXECUTOR_LOST, message, options)
  }
}

/** A task or a result that structured cloning can't carry, such as a function. */
export class DataCloneError extends ClusterPoolError {
  override readonly name = 'DataCloneError'
  constructor(message: string, options?: ErrorOptions) {
    super(ErrorCode.DATA_CLONE, message, options)
  }
}

/** A task or a result above the size limit. */
export class TooLargeError extends ClusterPoolError {
  override readonly name = 'TooLargeError'
  constructor(message: string, options?: ErrorOptions) {
    super(ErrorCode.TOO_LARGE, message, options)
  }
}

/** The task ended its thread: process.exit, an uncaught error beside the task, or no memory left. */
export class ThreadExitedError extends ClusterPoolError {
  override readonly name = 'ThreadExitedError'
  constructor(message: string, options?: ErrorOptions) {
    super(ErrorCode.THREAD_EXITED, message, options)
  }
}

/** The executor can't load the pool's module; `cause` is the error of loading it. */
export class ModuleLoadError extends ClusterPoolError {
  override readonly name = 'ModuleLoadError'
  constructor(message: string, options?: ErrorOptions) {
    super(ErrorCode.MODULE_LOAD, message, options)
  }
}

/** The module has no function of the task's name. */
export class NoFunctionError extends ClusterPoolError {
  override readonly name = 'NoFunctionError'
  constructor(message: string, options?: ErrorOptions) {
    super(ErrorCode.NO_FUNCTION, message, options)
  }
}

/** Driver and executor do not understand each other; costs that connection. */
export class ProtocolError extends ClusterPoolError {
  override readonly name = 'ProtocolError'
  constructor(message: string, options?: ErrorOptions) {
    super(ErrorCode.PROTOCOL, message, options)
  }
}

/** The task's signal was aborted; `cause` is the signal's reason. */
export class AbortError extends ClusterPoolError {
  override readonly name = 'AbortError'
  constructor(message: string, options?: ErrorOptions) {
    super(ErrorCode.ABORTED, message, options)
  }
}

/** Which of the pool's own errors executors raise, by code, so that `instanceof` holds in the driver. */
export const remoteErrorClasses: Readonly<
  Record<string, new (message: string, options?: ErrorOptions) => ClusterPoolError>
> = {
  [ErrorCode.DATA_CLONE]: DataCloneError,
  [ErrorCode.TOO_LARGE]: TooLargeError,
  [ErrorCode.THREAD_EXITED]: ThreadExitedError,
  [ErrorCode.MODULE_LOAD]: ModuleLoadError,
  [ErrorCode.NO_FUNCTION]: NoFunctionError,
}
