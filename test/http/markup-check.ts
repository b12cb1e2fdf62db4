/** What a page may have in it, whoever named what it shows (X3): read as a browser would, not by looking for bad words. */

interface Tag {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
}

/** Comes where markup may: between tags, in an attribute of either quote, in a script, in a URL. */
export const hostileTexts: readonly string[] = [
  `</td><script>alert(1)</script><img src=x onerror='a' "b" &amp;`,
  `" onmouseover="alert(1)`,
  `' autofocus onfocus='alert(1)`,
  `javascript:alert(1)`,
  `--></style></title><svg onload=alert(1)><iframe src=x>`,
  `\u0000\u001b[31m\u2028<b>`,
  `\${alert(1)}{{7*7}}`,
]

/** Each start tag as a browser reads it. */
function tagsOf(page: string): Tag[] {
  const body = page.replaceAll(/<style>[^]*?<\/style>/g, '').replace(/^<!doctype html>/, '')
  return [...body.matchAll(/<([a-zA-Z][^\s/>]*)((?:[^>"']|"[^"]*"|'[^']*')*)>/g)].map(
    ([, name = '', inside = '']) => ({
      name: name.toLowerCase(),
      attributes: new Map(
        [...inside.matchAll(/([^\s=/"'<>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)].map(
          ([, key = '', double, single, bare]) => [
            key.toLowerCase(),
            double ?? single ?? bare ?? '',
          ],
        ),
      ),
    }),
  )
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
}

/** What a browser would follow: a path, or http or https. */
function isHarmlessLink(link: string): boolean {
  const base = 'http://own.example/'
  return URL.canParse(link, base) && /^https?:$/.test(new URL(link, base).protocol)
}

/** @returns what of a page could act by itself, or lead to what does; nothing of a good one */
export function dangersOf(page: string): string[] {
  const tags = tagsOf(page)
  if (tags.length === 0) return ['there is no tag in it']
  return tags.flatMap(({ name, attributes }) => {
    const said = `<${name} ${[...attributes].map(([key, value]) => `${key}=${value}`).join(' ')}>`
    const links = ['href', 'src', 'action', 'formaction', 'data'].flatMap(
      (key) => attributes.get(key) ?? [],
    )
    const own = /^(?:\.\.\/|\.\/)*static\/[a-z-]+\.js$/.test(attributes.get('src') ?? '')
    const dangers = [
      name === 'script' && !own ? 'a foreign script' : null,
      ['img', 'iframe', 'object', 'embed', 'base'].includes(name) ? 'a foreign element' : null,
      [...attributes.keys()].some((key) => key.startsWith('on')) ? 'a handler' : null,
      [...attributes.keys()].includes('style') ? 'a style of its own' : null,
      links.every((link) => isHarmlessLink(unescaped(link))) ? null : 'a link that acts',
    ]
    return dangers.flatMap((danger) => (danger === null ? [] : [`${danger}: ${said}`]))
  })
}

/** Whether the text that a reader sees has these words. */
export function isShown(page: string, text: string): boolean {
  const visible = text.replaceAll(
    // oxlint-disable-next-line no-control-regex -- as src/http/html.ts shows them
    /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]/g,
    '\uFFFD',
  )
  return unescaped(page.replaceAll(/<[^>]*>/g, '')).includes(visible)
}
