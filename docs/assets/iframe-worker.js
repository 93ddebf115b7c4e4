// Lets the search work when the site is opened from a folder (file://), where browsers refuse to start workers: the
// worker's script runs in a hidden frame instead and speaks to the page by messages. On a server nothing changes.
(() => {
  if (location.protocol !== "file:") return

  class IFrameWorker extends EventTarget {
    constructor(url) {
      super()
      this.onmessage = null
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      document.body.appendChild(this.frame)
      this.inside = this.frame.contentWindow
      this.ready = new Promise((done) => {
        const page = this.inside.document
        page.open()
        page.write("<!doctype html><html><head></head><body></body></html>")
        page.close()
        this.inside.postMessage = (data) => parent.postMessage(data, "*") // what the worker calls to answer
        this.inside.importScripts = (...scripts) =>
          scripts.reduce((before, script) => before.then(() => this.load(script)), Promise.resolve())
        this.load(url).then(done)
      })
      window.addEventListener("message", (event) => {
        if (event.source !== window && event.source !== this.inside) return
        const message = new MessageEvent("message", { data: event.data })
        this.dispatchEvent(message)
        if (this.onmessage) this.onmessage(message)
      })
    }

    load(url) {
      return new Promise((done, failed) => {
        const script = this.inside.document.createElement("script")
        script.src = url
        script.onload = done
        script.onerror = failed
        this.inside.document.body.appendChild(script)
      })
    }

    postMessage(data) {
      this.ready.then(() => this.inside.dispatchEvent(new MessageEvent("message", { data })))
    }

    terminate() {
      this.frame.remove()
    }
  }

  window.Worker = IFrameWorker
  window.IFrameWorker = IFrameWorker
})()
