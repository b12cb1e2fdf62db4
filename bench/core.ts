/** The native core alone, in its own optimised binary (native/Makefile): what one thread decides in a second. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from '../test/e2e/cluster.js'
import type { Figure } from './figures.js'

export function coreDecisions(): Promise<Figure[]> {
  const output = execFileSync('make', ['-s', '-C', join(root, 'native'), 'bench'], {
    encoding: 'utf8',
  })
  const lines = output.split('\n').filter((line) => line.startsWith('{'))
  return Promise.resolve(lines.map((line) => JSON.parse(line) as Figure))
}
