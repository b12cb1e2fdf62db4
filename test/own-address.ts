/**
 * Addresses of loopback that no other process uses. Of 127.0.0.1 a port that a test has given back may be another's a
 * moment later, since test files run side by side: who takes it again finds it taken, who dials it disturbs a stranger.
 *
 * @param which this process has three of them, from 0 to 2
 */
export function ownAddress(which = 0): string {
  const { pid, platform } = process
  // Elsewhere only what was set up is there.
  if (platform !== 'linux') return `127.0.0.${1 + which}`
  return `127.${1 + 64 * which + (pid >> 16)}.${(pid >> 8) & 0xff}.${pid & 0xff}`
}
