/** Which masters are meant. Pure. */
import { UsageError } from '../../conf/errors.js'
import { bracketed } from '../../conf/host.js'
import { parseMasterUrl } from '../../conf/master-url.js'

const DEFAULT_PORT = '7077'

export const MASTER_FLAG = {
  names: ['--master'],
  value: 'URL',
  help: 'spark://host:port[,host2:port2]; default: MAGNETO_MASTER, or SPARK_MASTER_HOST',
} as const

/** @param given by --master @returns spark://h1:p1[,h2:p2] @throws UsageError when none is known, or it is none */
export function masterUrlOf(given: string | undefined, env: NodeJS.ProcessEnv): string {
  if (given !== undefined) return parseMasterUrl(given)
  if (env['MAGNETO_MASTER']) return parseMasterUrl(env['MAGNETO_MASTER'])
  const host = env['SPARK_MASTER_HOST']
  if (host) {
    return parseMasterUrl(`spark://${bracketed(host)}:${env['SPARK_MASTER_PORT'] || DEFAULT_PORT}`)
  }
  throw new UsageError(
    'no master is named: give --master spark://host:port, or set MAGNETO_MASTER or SPARK_MASTER_HOST',
  )
}

/** @returns host:port of each, in their order */
export function addressesOf(masterUrl: string): string[] {
  return masterUrl.replace(/^spark:\/\//, '').split(',')
}
