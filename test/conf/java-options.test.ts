/** E3, C17: -D settings in the variables of the daemons. */
import { expect, test } from 'vitest'

import { parseJavaOptions, splitOptions } from '../../src/conf/env.js'

test.each([
  ['', []],
  ['  -a   -b\t-c\n', ['-a', '-b', '-c']],
  [`-Da="two words" '-Db=it is'`, ['-Da=two words', '-Db=it is']],
  [String.raw`a\ b "q\"q" 'no\escape'`, ['a b', 'q"q', String.raw`no\escape`]],
  [`""`, ['']],
  [`x"y"'z'`, ['xyz']],
])('%j is split into %j', (line, words) => {
  expect(splitOptions(line, 'V')).toEqual(words)
})

test('E3: settings spark.* are taken, the rest is named', () => {
  const line = '-Dspark.a=1 -XX:+UseG1GC -Dspark.b=x=y -Dother=2 -Dspark.flag'
  expect(parseJavaOptions(line, 'V')).toEqual({
    settings: [
      ['spark.a', '1'],
      ['spark.b', 'x=y'],
      ['spark.flag', ''],
    ],
    ignored: ['-XX:+UseG1GC', '-Dother=2'],
  })
})

test('an open quote is refused', () => {
  expect(() => splitOptions('-Da="x', 'SPARK_MASTER_OPTS')).toThrow(/SPARK_MASTER_OPTS: a "/)
})

test('C17: a heap size is refused', () => {
  expect(() => parseJavaOptions('-Dspark.a=1 -Xmx2g', 'SPARK_WORKER_OPTS')).toThrow(
    /SPARK_WORKER_OPTS must not set the heap size \(it has "-Xmx2g"\)/,
  )
})
