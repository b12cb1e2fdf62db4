/** The native core alone, in its own optimised binary (native/Makefile): what one thread decides, and how it scales. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from '../test/e2e/cluster.js'
import type { Figure } from './figures.js'

interface Throughput {
  readonly name: string
  readonly unit: string
  readonly per_second: number
  readonly count: number
}

function figureOf(line: Throughput | Figure): Figure {
  if ('value' in line) return { ...line, name: `core alone: ${line.name}` }
  const { name, unit, per_second: value, count } = line
  return {
    name: `core alone: ${name.replaceAll('_', ' ')}`,
    value,
    unit: '1/s',
    note: `${count.toLocaleString('en')} ${unit}, one thread, messages decoded and encoded`,
  }
}

export function coreDecisions(): Promise<Figure[]> {
  const output = execFileSync('make', ['-s', '-C', join(root, 'native'), 'bench'], {
    encoding: 'utf8',
  })
  const lines = output.split('\n').filter((line) => line.startsWith('{'))
  return Promise.resolve(lines.map((line) => figureOf(JSON.parse(line) as Throughput | Figure)))
}
