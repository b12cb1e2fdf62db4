/** A real browser, Debian's Chromium, and what every page is held to in it. */
import { spawnSync } from 'node:child_process'
import axe from 'axe-core'
import {
  chromium,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
} from 'playwright-core'

/** Of an iPhone of the usual size, in CSS pixels. */
export const PHONE = { width: 390, height: 844 }

export class Chromium {
  readonly #browser: Browser
  readonly #contexts: BrowserContext[] = []
  /** What the console said as an error, and what no script caught. */
  readonly #complaints: string[] = []

  private constructor(browser: Browser) {
    this.#browser = browser
  }

  static async start(): Promise<Chromium> {
    const executablePath = spawnSync('which', ['chromium'], { encoding: 'utf8' }).stdout.trim()
    // Root has no sandbox in a container.
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
    return new Chromium(await chromium.launch({ executablePath, args }))
  }

  async stop(): Promise<void> {
    await this.#browser.close()
  }

  /** A page of a visitor of its own. */
  async open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext(options)
    this.#contexts.push(context)
    const page = await context.newPage()
    page.on('console', (message) => {
      if (message.type() === 'error') this.#complaints.push(message.text())
    })
    page.on('pageerror', (error) => this.#complaints.push(String(error)))
    page.on('dialog', (dialog) => {
      this.#complaints.push(`a dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    await page.goto(url)
    return page
  }

  /** Closes all pages. @returns what they complained about since the last call */
  async complaints(): Promise<string[]> {
    await Promise.all(this.#contexts.splice(0).map((context) => context.close()))
    return this.#complaints.splice(0)
  }
}

/** @returns what axe finds serious or worse on the page as it is, with where */
export async function barriers(page: Page): Promise<string[]> {
  // Evaluated from outside of the page, so that its content policy stays what it is.
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(() => {
    const { axe: loaded } = globalThis as unknown as { axe: typeof axe }
    return loaded.run()
  })
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

/** @returns by how much the page is wider than its window, in pixels */
export async function overhang(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth')
}
