/** P30: a driver's id as the name of its application. */
import { expect, test } from 'vitest'
import { namedByDriverId, withDriverId } from '../../src/control/driver-name.js'
import { JvmCommandT, PropertyT } from '../../src/schema/magneto.js'

const SPARK_SUBMIT = 'org.apache.spark.deploy.SparkSubmit'
const wrapped = (mainClass: string, ...args: string[]): JvmCommandT =>
  new JvmCommandT(
    'Wrapper',
    ['{{WORKER_URL}}', '{{USER_JAR}}', mainClass, ...args],
    [new PropertyT('A', 'b')],
    ['c'],
    ['l'],
    ['-Dspark.app.name=old', '-Dspark.app.names=x', '-Xss4m'],
    '4.3',
  )

const started = (command: JvmCommandT) => withDriverId(namedByDriverId(command), 'driver-$&-1')

test('all other names go, and nothing else changes', () => {
  const command = started(wrapped('a.Main', '-c', 'spark.app.name=mine'))
  const expected = wrapped('a.Main', '-c', 'spark.app.name=mine')
  expected.javaOptions = ['-Dspark.app.names=x', '-Xss4m', '-Dspark.app.name=driver-$&-1']
  expect(command).toEqual(expected)
})

test.each([
  [
    ['-c', 'spark.app.name=mine', 'x'],
    ['-c', 'spark.app.name=driver-$&-1', 'x'],
  ],
  [
    ['x', 'y'],
    ['-c', 'spark.app.name=driver-$&-1', 'x', 'y'],
  ],
  [[], ['-c', 'spark.app.name=driver-$&-1']],
])('SparkSubmit with %j is told as well', (args, expected) => {
  expect(started(wrapped(SPARK_SUBMIT, ...args)).args.slice(3)).toEqual(expected)
})

test('a command that asks for no such name is left as it is', () => {
  const command = wrapped('a.Main', '{{DRIVER_ID}}')
  expect(withDriverId(command, 'driver-1')).toEqual(command)
})
