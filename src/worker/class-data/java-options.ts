/** Which Java options of an executor a class-data archive depends on, and which it does not go with. */

/**
 * Somebody's own arrangement, which wins; or what the JVM refuses an archive for, since it changes where classes come
 * from or what they are.
 */
const REFUSED = [
  /^-Xshare/,
  /^-XX:[+-]?(SharedArchiveFile|SharedClassListFile|DumpLoadedClassList|ArchiveClassesAtExit)\b/,
  /^-XX:[+-](AutoCreateSharedArchive|UseSharedSpaces|RequireSharedSpaces|RecordDynamicDumpInfo)$/,
  /^-XX:[+-]?AOT/,
  /^-XX:[+-]BytecodeVerification/,
  /^-XX:(Flags|VMOptionsFile)=/,
  /^-(javaagent|agentlib|agentpath|Xrun|Xdebug|Xbootclasspath|Xverify|noverify)/,
  /^-Djava\.system\.class\.loader=/,
  /^--?(patch-module|upgrade-module-path|limit-modules|module-path|module|class-path|classpath)\b/,
  /^-(p|m|cp|jar)$/,
  /^@/,
]

/** An archive serves those JVMs alone that have them as the one that made it. */
const SIGNIFICANT = [
  /^-XX:[+-](Use\w+GC|ZGenerational|UseCompressed\w+|UseCompactObjectHeaders|CompactStrings)$/,
  /^-XX:ObjectAlignmentInBytes=/,
  /^-XX:[+-](UnlockDiagnosticVMOptions|UnlockExperimentalVMOptions|IgnoreUnrecognizedVMOptions)$/,
  /^--(add-modules|add-exports|add-opens|add-reads|enable-native-access|illegal-access)=/,
  /^--(enable-preview$|sun-misc-unsafe-memory-access=)/,
]
/** Their value may be an argument of its own, which is not looked for: such a command line goes without an archive. */
const TAKES_A_VALUE = /^--(add-modules|add-exports|add-opens|add-reads|enable-native-access)$/

/** From here on a heap has no compressed references, MiB. */
const PLAIN_REFERENCES_FROM_MB = 32 * 1024
const COMPRESSED_OOPS = /^-XX:[+-]UseCompressedOops$/

/** @returns those that an archive must be made with, in their order; null: no archive goes with them */
export function archiveOptions(options: readonly string[], memoryMb: number): string[] | null {
  const refused = options.some(
    (option) => REFUSED.some((pattern) => pattern.test(option)) || TAKES_A_VALUE.test(option),
  )
  if (refused) return null
  const kept = options.filter((option) => SIGNIFICANT.some((pattern) => pattern.test(option)))
  const said = kept.some((option) => COMPRESSED_OOPS.test(option))
  if (memoryMb >= PLAIN_REFERENCES_FROM_MB && !said) kept.push('-XX:-UseCompressedOops')
  return kept
}

/** Java says of an archive that does not fit what no executor's log should say. */
export function quietOptions(jdkMajor: number): string[] {
  // A tag that a JVM does not know ends it.
  return jdkMajor >= 25 ? ['-Xlog:cds*=off,aot*=off'] : ['-Xlog:cds*=off']
}
