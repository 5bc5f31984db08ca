// Which way imports may go (docs/architecture.md), and what only entry files may touch: the clock, randomness, the
// environment and the console. A file that no rule names fails, so that a new folder gets its rule.
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const sources = globSync('{src,adapters,plugins,interactions,demo}/**/*.ts', { cwd: root }).toSorted()

/** Layers from the inside out: the first pattern that matches a file says where it stands. */
const layers = {
  domain: /^src\/domain\//,
  rosters: /^src\/rosters\//,
  statements: /^src\/statements\//,
  plugin: /^src\/plugin(-(files|kit))?\.ts$/,
  ports: /^src\/(ports|stores|dues-stores|mail-stores|records)\.ts$/,
  rules: /^src\/(core|config|doors|mail-subjects|guard|secrets|provider-service|settle|reconcile)\.ts$/,
  usecases: /^src\/usecases\//,
  texts: /^interactions\/texts\/[a-z]{2}\.json$/,
  web: /^src\/web\//,
  interactions: /^interactions\//,
  adapters: /^adapters\//,
  plugins: /^plugins\//,
  composition: /^(src\/(compose|services|serve|log|plugins|main)\.ts|src\/cli\/|demo\/)/,
} as const
type Layer = keyof typeof layers

const inside: readonly Layer[] = ['domain', 'plugin', 'ports']
/** What each may import beside itself. */
const mayImport: Record<Layer, readonly Layer[] | 'anything'> = {
  domain: [],
  rosters: ['domain'],
  statements: ['domain', 'rosters'],
  plugin: ['domain'],
  ports: ['domain', 'plugin'],
  rules: inside,
  usecases: [...inside, 'rosters', 'statements', 'rules'],
  texts: [],
  web: [...inside, 'rules', 'usecases', 'texts'],
  interactions: [...inside, 'rules', 'usecases', 'web', 'texts'],
  adapters: ['domain', 'ports'],
  plugins: ['domain', 'plugin'],
  composition: 'anything',
}

const layerOf = (file: string): Layer | undefined =>
  (Object.keys(layers) as Layer[]).find((layer) => layers[layer].test(file))

const withoutComments = (code: string): string => code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')

/** What a file imports: other files of the project by their path, packages by their name. */
function importsOf(file: string, code: string): string[] {
  const named = withoutComments(code).matchAll(/\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)
  return [...named].map(([, to]) => (to!.startsWith('.') ? normalize(join(dirname(file), to!)) : to!))
}

/** What a file imports that it may not. */
function wrongImports(file: string, code: string): string[] {
  const from = layerOf(file)
  const allowed = from && mayImport[from]
  if (allowed === undefined) return ['(no layer)']
  if (allowed === 'anything') return []
  const own = /^plugins\/[^/]+\//.exec(file)?.[0]
  return importsOf(file, code).filter((to) => {
    if (!/^(src|adapters|plugins|interactions|demo|test|bench)\//.test(to)) return false
    const layer = layerOf(to)
    if (layer === from) return own !== undefined && !to.startsWith(own)
    return layer === undefined || !allowed.includes(layer)
  })
}

const ENTRY = /^(src\/main\.ts|src\/cli\/|adapters\/system\/)/
const outside = /\b(Date\.now|new Date\(|Temporal\.Now|Math\.random|process\.env|console\.)/g
const reaches = (code: string): string[] => [...withoutComments(code).matchAll(outside)].map(([, found]) => found!)

describe('imports go one way', () => {
  test('every source file has a layer', () => {
    expect(sources.length).toBeGreaterThan(80)
    expect(sources.filter((file) => !layerOf(file))).toEqual([])
  })

  test.each(Object.keys(layers).filter((layer) => layer !== 'texts'))('%s', (layer) => {
    const files = sources.filter((file) => layerOf(file) === layer)
    expect(files).not.toEqual([])
    const wrong = files.flatMap((file) =>
      wrongImports(file, readFileSync(join(root, file), 'utf8')).map((to) => `${file} imports ${to}`),
    )
    expect(wrong).toEqual([])
  })

  test.each([
    ['src/domain/access.ts', "import type { Clock } from '../ports.ts'"],
    ['src/usecases/members.ts', "import { openDatabase } from '../../adapters/sql/database.ts'"],
    ['src/web/app.ts', "import { page } from '../../interactions/login.ts'"],
    ['adapters/sql/rows.ts', "const core = await import('../../src/core.ts')"],
    ['plugins/spip/index.ts', "import { quoted } from '../apache/kit.ts'"],
    ['plugins/spip/index.ts', "export * from '../../src/usecases/members.ts'"],
    ['src/reconcile.ts', "import { freePort } from '../test/support/ports.ts'"],
    ['somewhere/else.ts', ''],
  ])('a wrong one would be seen: %s: %s', (file, code) => {
    expect(wrongImports(file, code)).toHaveLength(1)
  })
})

describe('the clock, randomness, the environment and the console are arguments', () => {
  test('of every file but those where a process begins', () => {
    const found = sources
      .filter((file) => !ENTRY.test(file))
      .flatMap((file) => reaches(readFileSync(join(root, file), 'utf8')).map((what) => `${file}: ${what}`))
    expect(found).toEqual([])
  })

  test('what reaches for them is seen, what speaks of them is not', () => {
    expect(reaches('const at = Date.now()\nconsole.log(process.env.HOME)')).toEqual([
      'Date.now',
      'console.',
      'process.env',
    ])
    expect(reaches('// never Date.now()\n/** nor Math.random */\nconst url = "https://x.example"')).toEqual([])
  })
})
