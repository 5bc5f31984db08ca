// docs/write-a-plugin.md is copied word by word: what it shows is what there is.
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'

test('the guide shows the plugin to copy as it is', async () => {
  const guide = await readFile('docs/write-a-plugin.md', 'utf8')
  const [index, lines] = await Promise.all(
    ['index.ts', 'lines.ts'].map((name) => readFile(`plugins/passwd-file/${name}`, 'utf8')),
  )
  const blocks = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block]) => block!.trimEnd())
  const shown = blocks.filter((block) => !block.startsWith('pluginContract'))
  expect(shown).toHaveLength(4)
  for (const block of shown) expect(`${index}${lines}`).toContain(block)
})

test('it names no function that the shared files do not have', async () => {
  const guide = await readFile('docs/write-a-plugin.md', 'utf8')
  const shared = await readFile('src/plugin-files.ts', 'utf8')
  const named = [...guide.matchAll(/^\| `(\w+)\([^|]*` +\|/gm)].map(([, name]) => name)
  expect(named).toHaveLength(6)
  for (const name of named) expect(shared).toMatch(new RegExp(`^export (async )?(function|const) ${name}\\b`, 'm'))
})
