// What root's commands leave behind: nothing that Schedar, which runs as another user, cannot open. Needs root.
import { chown, lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { editFile, ensureFolder, locked, replaceFile } from '../../src/plugin-files.ts'
import { createProgram } from '../support/program.ts'

const SCHEDAR = 65_534

let dir: string
beforeAll(async () => {
  dir = await mkdtemp('/tmp/as-root-')
})
afterAll(() => rm(dir, { recursive: true }))

const owners = async (folder: string) =>
  Promise.all(
    (await readdir(folder, { recursive: true })).map(async (name) => [name, (await lstat(join(folder, name))).uid]),
  )

test('files, locks and folders of a service are the owner of the folder they are in', async () => {
  const folder = join(dir, 'service')
  await mkdir(folder)
  await chown(folder, SCHEDAR, SCHEDAR)
  await locked(join(folder, 'lock'), AbortSignal.timeout(30_000), async () => {
    await ensureFolder(join(folder, 'logins'), 0o750)
    await replaceFile(join(folder, 'logins'), '00', 'x', '1')
    await editFile(join(folder, 'map'), { mode: 0o640 }, () => 'x')
  })
  const found = await owners(folder)
  expect(found.map(([name]) => name).toSorted()).toEqual(['lock', 'logins', 'logins/00', 'map'])
  expect(found.filter(([, uid]) => uid !== SCHEDAR)).toEqual([])
})

test('the key and the database that a command makes are the owner of the data folder', async () => {
  const dataDir = join(dir, 'data')
  await mkdir(dataDir, { mode: 0o700 })
  await chown(dataDir, SCHEDAR, SCHEDAR)
  const program = await createProgram({ config: { dataDir } })
  try {
    expect(await program.schedar('services', 'list')).toMatchObject({ code: 0 })
  } finally {
    await program.remove()
  }
  const found = await owners(dataDir)
  expect(found.map(([name]) => name)).toEqual(expect.arrayContaining(['schedar.db', 'secret.key']))
  expect(found.filter(([, uid]) => uid !== SCHEDAR)).toEqual([])
})
