# syntax=docker/dockerfile:1
FROM node:24-slim AS build
WORKDIR /halyard
COPY package.json package-lock.json ./
COPY packages/engine/package.json packages/engine/
COPY packages/contract/package.json packages/contract/
COPY packages/client/package.json packages/client/
COPY packages/sdk-api/package.json packages/sdk-api/
COPY apps/server/package.json apps/server/
COPY tools/package.json tools/
COPY bench/package.json bench/
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npx tsc -b apps/server && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8000 DATA_DIR=/data
WORKDIR /halyard
COPY --from=build /halyard/package.json ./
COPY --from=build /halyard/node_modules node_modules
COPY --from=build /halyard/packages packages
COPY --from=build /halyard/apps apps
RUN mkdir /data && chown node:node /data
VOLUME /data
USER node
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/health/liveness').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "apps/server/dist/main.js"]
