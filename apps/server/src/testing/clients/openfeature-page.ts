import { OFREPWebProvider } from '@openfeature/ofrep-web-provider'
import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk'

// What tests call in the page; see `openfeature-web.browser.test.ts`, which bundles this file.
Object.assign(globalThis, { OpenFeature, ProviderEvents, OFREPWebProvider })
