// A statement of the bank: brought along as a file, kept for a day under the digest of its bytes, and shown before it is
// imported (dues-preview.ts).
import { AppError } from '../../src/domain/errors.ts'
import { statementMapNames } from '../../src/usecases/statement-maps.ts'
import { html } from '../../src/web/html.ts'
import type { Page } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { heading, hidden, summary } from '../parts.ts'
import { DUES, duesTrail, treasury } from './dues-parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { when } from './history.ts'
import { choice, listed } from './parts.ts'
import { peopleNamed, zoneOf } from './states.ts'

export const STATEMENT = `${DUES}/statement`
const LARGEST = 64 * 1024 * 1024
const RECENT = 10

/** Where a file that is kept is shown; what it is called and how its columns are read stand in the address. */
export const previewPath = (digest: string, { name, map }: { name: string; map: string }): string =>
  `${STATEMENT}/${digest}?${new URLSearchParams({ ...(name && { name }), ...(map && { map }) })}`

export const statement = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: STATEMENT,
    largestFile: LARGEST,
    async show(_staff, view) {
      const { t } = view.texts
      const { core } = desk
      const maps = await statementMapNames(core)
      const files = (await core.store.bank.files((await treasury(desk)).id)).slice(0, RECENT)
      const name = await peopleNamed(
        desk,
        files.map(({ importedBy }) => importedBy),
      )
      const zone = await zoneOf(desk)
      const wrong = view.mistake?.field === 'file' ? view.mistake.message : undefined
      return {
        title: t('admin.dues.statement.title'),
        body: html`${duesTrail(view)} ${heading(t('admin.dues.statement.title'), t('admin.dues.statement.text'))} ${summary(view, ['file'])}
          <form method="post" enctype="multipart/form-data" class="act">
            ${hidden(view)}
            <div class="field"><label for="file">${t('admin.dues.statement.file')}</label>
              <input id="file" name="file" type="file" required aria-describedby="file-hint${wrong && ' file-wrong'}"${wrong && html` aria-invalid="true"`}>
              <p class="hint" id="file-hint">${t('admin.dues.statement.file_hint')}</p>${wrong && html`<p class="wrong" id="file-wrong">${wrong}</p>`}</div>
            ${maps.length > 0 && choice(view, { name: 'map', label: t('admin.dues.statement.map'), options: [['', t('admin.dues.statement.map_none')], ...maps.map((one) => [one, one] as const)] })}
            <button class="main">${t('admin.dues.statement.show')}</button>
          </form>
          ${listed(
            t('admin.dues.statement.recent'),
            [
              t('admin.dues.statement.file'),
              t('admin.dues.statement.lines'),
              t('admin.dues.statement.imported'),
              t('admin.override.by'),
            ],
            files.map((file) => [
              file.name,
              file.lineCount,
              when(view.texts, file.importedAt, zone),
              name(file.importedBy),
            ]),
            t('admin.dues.statement.recent_none'),
          )}`,
      }
    },
    async submit(_staff, form) {
      const file = form.file?.('file')
      if (!file || file.bytes.length === 0)
        throw new AppError('required', { field: 'file', detail: 'no file came along' })
      const digest = await desk.uploads.keep(file.bytes, desk.core.clock.now())
      return previewPath(digest, { name: file.name, map: form.get('map') })
    },
  })
