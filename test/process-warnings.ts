import { onTestFinished } from 'vitest'

/** @returns asks for what Node has warned of in this process since, in this test */
export function processWarnings(): () => Promise<readonly Error[]> {
  const warnings: Error[] = []
  const warned = (warning: Error): unknown => warnings.push(warning)
  process.on('warning', warned)
  onTestFinished(() => void process.off('warning', warned))
  return async () => {
    // They are told in a tick of their own.
    await new Promise((resolve) => setImmediate(resolve))
    return warnings
  }
}
