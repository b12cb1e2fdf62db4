/** The options that each Spark gives the JVM of a driver, so that it may reach into Java's modules. */
import { SPARK_VERSIONS, type SparkVersion } from '../control/runtimes.js'

const OPENED = [
  'java.base/java.lang',
  'java.base/java.lang.invoke',
  'java.base/java.lang.reflect',
  'java.base/java.io',
  'java.base/java.net',
  'java.base/java.nio',
  'java.base/java.util',
  'java.base/java.util.concurrent',
  'java.base/java.util.concurrent.atomic',
  'java.base/jdk.internal.ref',
  'java.base/sun.nio.ch',
  'java.base/sun.nio.cs',
  'java.base/sun.security.action',
  'java.base/sun.util.calendar',
  'java.security.jgss/sun.security.krb5',
]

/** In Spark's order, with the first and the last version that has it. */
const OPTIONS: readonly (readonly [option: string, from: SparkVersion, to: SparkVersion])[] = [
  ['-XX:+IgnoreUnrecognizedVMOptions', '3.5', '4.3'],
  ['--add-modules=jdk.incubator.vector', '4.0', '4.3'],
  ...OPENED.map((name) => [`--add-opens=${name}=ALL-UNNAMED`, '3.5', '4.3'] as const),
  ['-Djdk.reflect.useDirectMethodHandle=false', '3.5', '4.1'],
  ['-Dio.netty.tryReflectionSetAccessible=true', '4.0', '4.3'],
  ['-Dio.netty.allocator.type=pooled', '4.1', '4.3'],
  ['-Dio.netty.handler.ssl.defaultEndpointVerificationAlgorithm=NONE', '4.1', '4.3'],
  ['--sun-misc-unsafe-memory-access=allow', '4.2', '4.3'],
  ['--enable-native-access=ALL-UNNAMED', '4.1', '4.3'],
]

export function moduleOptions(version: SparkVersion): string[] {
  const place = SPARK_VERSIONS.indexOf(version)
  return OPTIONS.filter(
    ([, from, to]) => place >= SPARK_VERSIONS.indexOf(from) && place <= SPARK_VERSIONS.indexOf(to),
  ).map(([option]) => option)
}
