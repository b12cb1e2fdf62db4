/** The scripts of our pages (src/browser), from our own origin, and the policy of pages that have one. */
import { readFile } from 'node:fs/promises'

import { plain, type Answer } from './answer.js'
import { reads, type Asked, type Route } from './route.js'
import { styleHash } from './style.js'

/** Instead of the policy of pages without a script. */
export const scriptPolicy: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    `default-src 'none'; style-src '${styleHash}'; script-src 'self'; connect-src 'self'; ` +
    `form-action 'self'; base-uri 'none'; frame-ancestors 'self'`,
}

const names = new Set(['log-viewer', 'live-page', 'patch'])

async function script({ path }: Asked): Promise<Answer> {
  const name = /^\/static\/([a-z-]+)\.js$/.exec(path)?.[1] ?? ''
  if (!names.has(name)) return plain(404, 'there is no such script')
  // From dist/src/http as from dist/src/browser: only what is built has scripts.
  const body = await readFile(new URL(`../browser/${name}.js`, import.meta.url), 'utf8').catch(
    () => null,
  )
  if (body === null) return plain(404, 'the script has not been built')
  return { status: 200, type: 'text/javascript;charset=utf-8', body }
}

/** U16: what is below /static. */
export const scriptRoute: Route<unknown> = {
  methods: reads,
  matches: (path) => path.startsWith('/static/'),
  answer: (_context, asked) => script(asked),
}
