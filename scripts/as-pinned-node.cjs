// Preloaded into npm by install.mjs. npm leaves out optional packages (the native half of the bundler, the linter and the test
// runner) whose `engines` exclude the Node it runs on, without a word. They will run on the Node that is being installed.
Object.defineProperty(process, 'version', { value: process.env.BREEZE_PINNED_NODE })
