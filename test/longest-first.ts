/** The order of test files: those that take minutes first, so that no worker waits at the end for another one's last file. */
import { existsSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const root = resolve(import.meta.dirname, '..')

/** Those that mostly wait alternate with those that mostly compute. */
const longest = [
  'test/crash/crash.test.ts',
  'test/e2e/zookeeper.test.ts',
  'test/e2e/spark-queue.test.ts',
  'test/e2e/restart-spark.test.ts',
  'test/e2e/drivers.test.ts',
  'test/e2e/hosts.test.ts',
  'test/e2e/spark-worker.test.ts',
  'test/e2e/apache-workers.test.ts',
  'test/e2e/standby-spark.test.ts',
  'test/e2e/spark-allocation.test.ts',
  'test/e2e/submission.test.ts',
  'test/e2e/spark.test.ts',
  'test/e2e/failures.test.ts',
  'test/sim/simulator.test.ts',
  'test/browser/master-pages.test.ts',
  'test/browser/worker-pages.test.ts',
  'test/e2e/shapes.test.ts',
  'test/e2e/spark-resources.test.ts',
  'test/sbin/hosts.test.ts',
  'test/e2e/spark-refused.test.ts',
  'test/election/zookeeper.test.ts',
  'test/worker/faults.test.ts',
  'test/e2e/node-failover.test.ts',
]
const missing = longest.filter((file) => !existsSync(join(root, file)))
if (missing.length > 0) throw new Error(`no such test files: ${missing.join(', ')}`)

function rank({ moduleId }: TestSpecification): number {
  const at = longest.indexOf(relative(root, moduleId))
  return at < 0 ? longest.length : at
}

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const others = await super.sort(files)
    return others.toSorted((one, other) => rank(one) - rank(other))
  }
}
