/** The native core alone, in its own optimised binary (native/Makefile): what one thread decides in a second. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from '../test/e2e/cluster.js'
import type { Figure } from './figures.js'

interface CoreFigure {
  name: string
  unit: string
  per_second: number
  count: number
}

export function coreDecisions(): Promise<Figure[]> {
  const output = execFileSync('make', ['-s', '-C', join(root, 'native'), 'bench'], {
    encoding: 'utf8',
  })
  const lines = output.split('\n').filter((line) => line.startsWith('{'))
  const measured = lines.map((line) => JSON.parse(line) as CoreFigure)
  return Promise.resolve(
    measured.map(({ name, unit, per_second: value, count }) => ({
      name: `core alone: ${name.replaceAll('_', ' ')}`,
      value,
      unit: '1/s',
      note: `${count.toLocaleString('en')} ${unit}, one thread, messages decoded and encoded`,
    })),
  )
}
