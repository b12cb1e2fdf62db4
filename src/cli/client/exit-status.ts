/** How client commands end; documented in their help. */
export const ExitStatus = {
  /** The driver finished, or what was asked for is done. */
  DONE: 0,
  /** The driver ran and failed. */
  FAILED: 1,
  /** The command line is wrong; nothing was done. */
  USAGE: 2,
  /** The driver could not be started. */
  ERROR: 3,
  /** The driver was killed. */
  KILLED: 4,
  /** The master refused, could not be asked, or does not know what it was asked about. */
  REFUSED: 5,
  /** What a shell reports of a process that a signal ended. */
  INTERRUPTED: 130,
  TERMINATED: 143,
} as const

export const EXIT_STATUS_HELP = `Exit status:
  0    The driver finished, or what was asked for is done
  1    The driver failed
  2    The command line is wrong
  3    The driver could not be started (ERROR)
  4    The driver was killed
  5    The master refused, could not be asked, or does not know the driver
  130  Interrupted (143: terminated); a driver goes on
`

/** Of those that only look. */
export const LOOK_STATUS_HELP = `Exit status:
  0    What was asked for is printed
  2    The command line is wrong
  5    The master refused, could not be asked, or does not know it
  130  Interrupted (143: terminated)
`
