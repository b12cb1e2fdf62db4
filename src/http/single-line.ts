/** Text of strangers for a terminal: one line, and nothing in it that a terminal would obey. */
export function singleLine(text: string): string {
  return (
    text
      .replaceAll(/\s+/g, ' ')
      // oxlint-disable-next-line no-control-regex -- these are what has to go
      .replaceAll(/[\u0000-\u001F\u007F-\u009F]/g, '\uFFFD')
  )
}
