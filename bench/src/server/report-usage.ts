// Loaded into a server beside its own code: tells whoever forked it how much CPU time the process has used, worker threads included.
process.on('message', (message) => {
  if (message === 'usage') process.send?.(process.cpuUsage())
})
