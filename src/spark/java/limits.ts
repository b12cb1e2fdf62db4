/** What a stream may cost its reader. The bytes come from strangers. */
export interface JavaLimits {
  /** Length of the whole stream, bytes. */
  readonly maxBytes: number
  /** Nesting of objects, arrays and descriptors. */
  readonly maxDepth: number
  /** Descriptors, strings, objects, arrays and the like. */
  readonly maxHandles: number
  /** One string, bytes of its modified UTF-8. */
  readonly maxStringBytes: number
  /** Fields that one class describes. */
  readonly maxFields: number
  /** Superclasses of one class, itself included. */
  readonly maxGenerations: number
  /** Elements of one array. */
  readonly maxArrayLength: number
  /** Field values, array elements and custom items of the whole stream. */
  readonly maxValues: number
}

/**
 * The largest messages seen on this wire have 6 kB, 200 handles and a depth of 14; a submit client's
 * environment or a long class path may make them a hundred times larger.
 */
export const DEFAULT_JAVA_LIMITS: JavaLimits = {
  maxBytes: 8 * 1024 * 1024,
  maxDepth: 128,
  maxHandles: 100_000,
  maxStringBytes: 4 * 1024 * 1024,
  maxFields: 256,
  maxGenerations: 16,
  maxArrayLength: 100_000,
  maxValues: 300_000,
}
