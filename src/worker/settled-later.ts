export interface SettledLater<T> {
  promise: Promise<T>
  resolve: (value: T) => void
}

/** A promise whose end comes from outside. Node 20 has no Promise.withResolvers. */
export function settledLater<T>(): SettledLater<T> {
  const holder: { resolve?: (value: T) => void } = {}
  const promise = new Promise<T>((resolve) => {
    holder.resolve = resolve
  })
  return { promise, resolve: (value) => holder.resolve?.(value) }
}
