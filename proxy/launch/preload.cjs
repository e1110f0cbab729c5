// Loaded by `node --require` before the program: has http.request, https.request and fetch use
// HTTP_PROXY, HTTPS_PROXY and NO_PROXY, as Node does itself from 22.21 and 24.5 on where
// NODE_USE_ENV_PROXY is set. It changes prototypes of agents, so that a program's own agents work
// too; a program that brings its own `dispatcher` or `createConnection` has chosen for itself.
"use strict";

const http = require("node:http");
const https = require("node:https");
const net = require("node:net");
const tls = require("node:tls");

const DISPATCHER = Symbol.for("undici.globalDispatcher.1"); // fetch's, and that of the npm package
const PORTS = { "http:": 80, "https:": 443 };

const variable = (name) => process.env[name.toLowerCase()] || process.env[name] || "";
const bare = (host) => String(host).replace(/^\[|\]$/g, "").replace(/\.$/, "").toLowerCase();

function proxyOf(name) {
  const text = variable(name);
  if (!text) return null;
  const url = new URL(text.includes("://") ? text : `http://${text}`);
  if (url.protocol !== "http:") return null; // Understudy's own is; another is not ours to speak to
  const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  const authorization = user === ":" ? "" : `Basic ${Buffer.from(user).toString("base64")}`;
  return { host: bare(url.hostname), port: Number(url.port) || 80, authorization };
}

const PROXIES = { "http:": proxyOf("HTTP_PROXY"), "https:": proxyOf("HTTPS_PROXY") };
const SPARED = variable("NO_PROXY").split(/[\s,]+/).filter(Boolean).map((entry) => {
  const [, host, port] = /^(\[.*\]|[^:]*|.*:.*:.*?)(?::(\d+))?$/.exec(entry) ?? [null, entry];
  return { host: bare(host.replace(/^\*?\.(?=.)/, "")), port: Number(port) || null };
});

// The proxy to take to a server; null to go there directly.
function proxyTo(protocol, host, port) {
  const proxy = PROXIES[protocol];
  const name = bare(host);
  const spared = (entry) => (entry.host === "*" || name === entry.host
    || name.endsWith(`.${entry.host}`)) && (entry.port ?? Number(port)) === Number(port);
  return proxy && !SPARED.some(spared) ? proxy : null;
}

const authorityOf = (host, port) => `${net.isIPv6(bare(host)) ? `[${bare(host)}]` : host}:${port}`;
const dial = (proxy) => net.connect({ host: proxy.host, port: proxy.port });

// Calls `done(error, socket)` once, with a socket on which the server itself speaks.
function tunnel(proxy, authority, done) {
  const headers = { Host: authority };
  if (proxy.authorization) headers["Proxy-Authorization"] = proxy.authorization;
  const createConnection = () => dial(proxy);
  const request = http.request({ method: "CONNECT", path: authority, headers, createConnection });
  request.once("connect", (response, socket, head) => {
    if (response.statusCode !== 200) {
      socket.destroy();
      const text = `the proxy refuses a tunnel to ${authority}: status ${response.statusCode}`;
      return done(Object.assign(new Error(text), { code: "ERR_PROXY_TUNNEL" }));
    }
    if (head.length) socket.unshift(head);
    return done(null, socket);
  });
  request.once("error", done);
  request.end();
}

// http.request: the agent connects to the proxy, and the request names its server.
function patchHttp() {
  const agent = http.Agent.prototype;
  const { addRequest, createConnection } = agent;
  agent.addRequest = function (request, options, ...rest) {
    const proxy = proxyOfRequest(options);
    if (proxy) name(request, options, proxy);
    return addRequest.call(this, request, options, ...rest);
  };
  agent.createConnection = function (options, ...rest) {
    const proxy = proxyOfRequest(options);
    return proxy ? dial(proxy) : createConnection.call(this, options, ...rest);
  };
}

function proxyOfRequest(options) {
  const { protocol, socketPath, host, port } = options ?? {};
  const secure = protocol ? protocol !== "http:" : port === 443;
  return socketPath || secure ? null : proxyTo("http:", host || "localhost", port || 80);
}

function name(request, { host, port }, proxy) {
  const path = request.path;
  request.path = new URL("/", `http://${authorityOf(host || "localhost", port || 80)}`).origin + path;
  if (!request._header) {
    if (proxy.authorization) request.setHeader("Proxy-Authorization", proxy.authorization);
    return;
  }
  const [first, ...lines] = request._header.split("\r\n"); // headers were given as an array
  if (proxy.authorization) lines.unshift(`Proxy-Authorization: ${proxy.authorization}`);
  request._header = [first.replace(` ${path} `, () => ` ${request.path} `), ...lines].join("\r\n");
}

// https.request: the agent asks for a tunnel, and then goes on as ever.
function patchHttps() {
  const { createConnection } = https.Agent.prototype;
  https.Agent.prototype.createConnection = function (options, done) {
    const { socketPath, socket, host, port } = options ?? {};
    const proxy = socketPath || socket ? null : proxyTo("https:", host || "localhost", port || 443);
    if (!proxy || typeof done !== "function") return createConnection.apply(this, arguments);
    tunnel(proxy, authorityOf(host, port || 443), (error, through) => {
      if (error) return done(error);
      return done(null, createConnection.call(this, { ...options, socket: through }));
    });
    return undefined;
  };
}

// fetch: a dispatcher of the class that this Node brings along, in place of its own.
function patchFetch() {
  if (typeof globalThis.fetch !== "function") return;
  void globalThis.Headers; // has Node load it
  const direct = globalThis[DISPATCHER];
  if (!direct) return;
  const Agent = direct.constructor;
  class Proxied extends Agent {
    dispatch(options, handler) {
      const url = new URL(options.origin);
      const port = url.port || PORTS[url.protocol];
      const proxy = proxyTo(url.protocol, url.hostname, port);
      if (!proxy) return direct.dispatch(options, handler);
      if (url.protocol === "https:") return super.dispatch(options, handler);
      return direct.dispatch({
        ...options,
        origin: `http://${authorityOf(proxy.host, proxy.port)}`,
        path: `${url.origin}${options.path}`,
        headers: withHost(options.headers, url.host, proxy),
      }, handler);
    }
  }
  globalThis[DISPATCHER] = new Proxied({ connect: connectSecurely });
}

function withHost(headers, host, proxy) {
  const more = proxy.authorization ? { "proxy-authorization": proxy.authorization } : {};
  if (Array.isArray(headers)) return [...headers, "host", host, ...Object.entries(more).flat()];
  if (typeof headers?.[Symbol.iterator] === "function") headers = Object.fromEntries(headers);
  return { host, ...headers, ...more };
}

function connectSecurely({ hostname, port, servername }, done) {
  const target = port || 443;
  const proxy = proxyTo("https:", hostname, target);
  tunnel(proxy, authorityOf(hostname, target), (error, socket) => {
    if (error) return done(error);
    const name = servername || (net.isIP(bare(hostname)) ? "" : hostname);
    const secure = tls.connect({ socket, servername: name, ALPNProtocols: ["http/1.1"] });
    secure.once("error", done);
    secure.once("secureConnect", () => {
      secure.off("error", done);
      done(null, secure);
    });
    return undefined;
  });
}

const NODE_DOES = process.allowedNodeEnvironmentFlags.has("--use-env-proxy")
  && process.env.NODE_USE_ENV_PROXY === "1";
if (!NODE_DOES && (PROXIES["http:"] || PROXIES["https:"])) {
  patchHttp();
  patchHttps();
  patchFetch();
}
