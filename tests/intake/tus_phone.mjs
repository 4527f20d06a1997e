// A phone that uploads one file with tus-js-client, as the app does, and tells each request:
// node tus_phone.mjs ENDPOINT FILE SHA256
import { readFileSync } from 'node:fs'
import { Upload } from 'tus-js-client'

const [endpoint, file, sha256] = process.argv.slice(2)
const say = (event) => console.log(JSON.stringify(event))

const upload = new Upload(readFileSync(file), {
  endpoint,
  metadata: { filename: 'photo.jpg', filetype: 'image/jpeg', sha256 },
  retryDelays: Array(600).fill(100),
  onAfterResponse: (request, response) =>
    say({
      method: request.getMethod(),
      status: response.getStatus(),
      from: request.getHeader('Upload-Offset'),
      offset: response.getHeader('Upload-Offset'),
    }),
  onSuccess: () => say({ url: upload.url }),
  onError: (error) => {
    say({ error: String(error) })
    process.exitCode = 1
  },
})
upload.start()
