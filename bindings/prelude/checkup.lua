-- checkup.lua - what `perilune doctor` looks at on this machine, and the findings it makes.
--
-- A finding is { level = "ok" | "advice" | "problem", topic =, text =, fix = }: one line, and what
-- to do about it. checkup_fleet.lua makes those of a fleet.

local sys = require "perilune.core.sys"

local checkup = {}

---@class perilune.Finding
---@field level "ok"|"advice"|"problem"
---@field topic string
---@field text string
---@field fix string?

local Findings = {}
Findings.__index = Findings

local function add(level)
  return function(self, topic, text, fix)
    self[#self + 1] = { level = level, topic = topic, text = text, fix = fix }
  end
end

Findings.ok, Findings.advice, Findings.problem = add "ok", add "advice", add "problem"

--- A list that findings are added to: list:ok(topic, text), list:advice(topic, text, fix),
--- list:problem(topic, text, fix).
function checkup.findings()
  return setmetatable({}, Findings)
end

-- ---- programs of this machine --------------------------------------------------------------

-- Runs programs side by side; each argv gives { code =, stdout =, stderr = }, code nil when it
-- could not be run.
local function ask(commands)
  local tasks = {}
  for i, argv in ipairs(commands) do tasks[i] = { host = "here", index = i, argv = argv } end
  local run = require("perilune.core.run").start { id = "doctor", tasks = tasks, timeout = 10,
    transport = require("perilune.core.transport")["local"](), env = { LC_ALL = "C" } }:wait()
  local answers = {}
  for i = 1, #commands do
    local result = run:result(i)
    answers[i] = { code = result.code, stdout = result.stdout, stderr = result.stderr }
  end
  return answers
end

local function first_line(text)
  return (text:match("^[^\r\n]*"))
end

local function check_programs(list)
  local answers = ask { { "ssh", "-V" }, { "sh", "-c", "command -v sftp" },
    { "sh", "-c", "command -v ssh-keyscan" }, { "sh", "-c", "command -v diff" } }
  local ssh = answers[1]
  if ssh.code == 0 then
    list:ok("ssh", first_line(ssh.stderr .. ssh.stdout))
  else
    list:problem("ssh", "the system's ssh is missing: what libssh2 cannot do has no other way",
      "install openssh-client")
  end
  local purposes = { [2] = { "sftp", "large files are copied through libssh2, more slowly" },
    [3] = { "ssh-keyscan", "new host keys must be collected otherwise" },
    [4] = { "diff", "--diff shows outputs as they are" } }
  for i = 2, #answers do
    if answers[i].code ~= 0 then
      list:advice(purposes[i][1], "not installed: " .. purposes[i][2], "install it")
    end
  end
end

local function version_number(text)
  local major, minor, patch = text:match("(%d+)%.(%d+)%.?(%d*)")
  return (tonumber(major) or 0) * 1000000 + (tonumber(minor) or 0) * 1000 + (tonumber(patch) or 0)
end

--- Whether this libssh2 signs and checks RSA as today's sshd asks for it.
local function signs_rsa(versions)
  return version_number(versions.libssh2) >= 1011000
end

local function check_versions(list, versions)
  list:ok("versions", ("perilune %s, %s, libssh2 %s, SQLite %s"):format(versions.perilune, _VERSION,
    versions.libssh2, versions.sqlite))
  if signs_rsa(versions) then return end
  list:advice("libssh2", versions.libssh2 .. " knows no RSA as sshd accepts it since 8.8, no "
    .. "AES-GCM and no ed25519 certificates: hosts that ask for these are reached by the system's "
    .. "ssh, which costs more", "prefer ed25519 keys, or use libssh2 1.11.1 or newer")
end

-- ---- limits and surroundings ---------------------------------------------------------------

local function check_descriptors(list)
  local allowed = sys.nofile_limit()
  local text = ("%d descriptors: %d sessions kept, %d hosts at once"):format(allowed,
    math.max(0, allowed - 256), math.max(1, (allowed - 32) // 3))
  if allowed >= 4096 then return list:ok("descriptors", text) end
  list:advice("descriptors", text, "raise the hard limit: ulimit -Hn 65536, or nofile in "
    .. "/etc/security/limits.conf")
end

local function check_terminal(list)
  local locale = sys.getenv("LC_ALL") or sys.getenv("LC_CTYPE") or sys.getenv("LANG") or ""
  if not locale:upper():find("UTF%-?8") then
    list:advice("locale", ("'%s' is not UTF-8: other programs may garble names and output"):format(
      locale), "export LANG=C.UTF-8")
  end
  if sys.isatty(2) and (sys.getenv("TERM") or "") == "" then
    list:advice("terminal", "TERM is not set: no color", "export TERM=xterm-256color")
  end
end

local function check_clock(list)
  local now = os.time()
  if now < 1735689600 then -- 2025
    list:problem("clock", "this machine's clock says " .. os.date("%Y-%m-%d", now),
      "set it: runs are recorded and compared by time")
  end
end

local NETWORK_FILE_SYSTEMS = { nfs = true, nfs4 = true, lustre = true, gpfs = true, cifs = true,
  smb2 = true, fuseblk = true, ["fuse.sshfs"] = true, afs = true, beegfs = true, ceph = true }

local function check_state(list)
  local folder = require("perilune.config").state_folder()
  if not folder then
    return list:problem("state", "no folder for state: HOME is not set", "set PERILUNE_STATE")
  end
  local found = sys.stat(folder)
  if not found then return list:ok("state", folder .. " will be made") end
  if found.mode & 63 ~= 0 then -- 077
    list:problem("state", ("others can look into %s (mode %o)"):format(folder, found.mode),
      "chmod 700 " .. folder)
  end
  local probe = ("%s/.doctor.%d"):format(folder, sys.pid())
  local ok, message = sys.write_file(probe, "", 384)
  if not ok then
    return list:problem("state", message, "free some space, or set PERILUNE_STATE")
  end
  sys.unlink(probe)
  local kind = first_line(ask({ { "stat", "-f", "-c", "%T", folder } })[1].stdout)
  if NETWORK_FILE_SYSTEMS[kind] then
    return list:advice("state", ("%s lies on %s: the index is slower there"):format(folder, kind),
      "set PERILUNE_STATE to a local folder")
  end
  list:ok("state", ("%s%s"):format(folder, kind ~= "" and (" (%s)"):format(kind) or ""))
end

local function check_configuration(list)
  local config = require "perilune.config"
  local ok, values, limits = pcall(config.load, require("perilune.fleet").options)
  if not ok then
    return list:problem("configuration", tostring(values), "correct the file")
  end
  local parts = {}
  for name, limit in pairs(limits) do
    parts[#parts + 1] = ("%s limited to %s by %s"):format(name, limit.value, limit.file)
  end
  table.sort(parts)
  if next(values) or parts[1] then
    list:ok("configuration", parts[1] and table.concat(parts, "; ") or "read without complaint")
  end
end

-- ---- keys ----------------------------------------------------------------------------------

local function check_agent(list)
  local socket = sys.getenv("SSH_AUTH_SOCK")
  if not socket or socket == "" then
    list:ok("agent", "none (SSH_AUTH_SOCK is not set)")
    return 0
  end
  local answer = ask({ { "ssh-add", "-l" } })[1]
  if answer.code == 0 then
    local _, count = answer.stdout:gsub("\n", "")
    list:ok("agent", ("%d keys"):format(count))
    return count
  end
  if answer.code == 1 then
    list:advice("agent", "it holds no key", "ssh-add FILE")
  else
    list:problem("agent", "nobody answers at SSH_AUTH_SOCK " .. socket,
      "unset SSH_AUTH_SOCK, or start the agent again")
  end
  return 0
end

local KEY_FILES = { "id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk", "id_dsa" }

local function key_paths()
  local home, paths = sys.home(), {}
  for _, name in ipairs(home and KEY_FILES or {}) do
    local path = ("%s/.ssh/%s"):format(home, name)
    if sys.stat(path) then paths[#paths + 1] = path end
  end
  return paths
end

-- "ed25519", "rsa", ... from what ssh-keygen -l says: "256 SHA256:... comment (ED25519)".
local function key_kind(answer)
  if answer.code ~= 0 then return nil end
  return (first_line(answer.stdout):match("%(([%w-]+)%)$") or ""):lower()
end

local function check_key(list, path, listing, unlocked, state)
  local mode = sys.stat(path).mode
  if mode & 63 ~= 0 then
    return list:problem("key", ("others can read %s (mode %o): it is not used"):format(path, mode),
      "chmod 600 " .. path)
  end
  local kind = key_kind(listing)
  if kind == "rsa" and not state.signs_rsa then
    return list:advice("key", path .. " is an RSA key: this libssh2 cannot use it with an sshd of "
      .. "today, the system's ssh is used",
      "ssh-keygen -t ed25519, and its .pub into authorized_keys")
  end
  if kind == "dsa" then
    return list:advice("key", path .. " is a DSA key: no sshd takes it any more",
      "ssh-keygen -t ed25519")
  end
  if unlocked.code ~= 0 and not (kind or ""):find("sk") and state.agent_keys == 0 then
    return list:advice("key", path .. " has a passphrase and no agent holds a key",
      'eval "$(ssh-agent)" && ssh-add ' .. path)
  end
  list:ok("key", ("%s%s"):format(path, kind and (" (%s)"):format(kind) or ""))
end

local function check_keys(list, state)
  local paths, commands = key_paths(), {}
  if #paths == 0 and state.agent_keys == 0 then
    return list:advice("key", "no key in ~/.ssh and none in an agent: logins need IdentityFile",
      "ssh-keygen -t ed25519")
  end
  for _, path in ipairs(paths) do
    commands[#commands + 1] = { "ssh-keygen", "-l", "-f", path }
    commands[#commands + 1] = { "ssh-keygen", "-y", "-P", "", "-f", path }
  end
  local answers = ask(commands)
  for i, path in ipairs(paths) do
    check_key(list, path, answers[2 * i - 1], answers[2 * i], state)
  end
end

local HASHED_MANY = 200
local KNOWN_HOSTS_MAX = 64 << 20

local function check_known_hosts(list)
  local home = sys.home()
  local path = home and home .. "/.ssh/known_hosts"
  local text = path and sys.stat(path) and sys.read_file(path, KNOWN_HOSTS_MAX)
  if not text then
    return list:ok("known_hosts", "no ~/.ssh/known_hosts: all host keys are new")
  end
  local _, lines = text:gsub("[^\n]+", "")
  local _, hashed = ("\n" .. text):gsub("\n|1|", "")
  if sys.stat(path).mode & 18 ~= 0 then -- 022
    list:problem("known_hosts", "others can write " .. path, "chmod 644 " .. path)
  end
  local said = ("%d lines, %d of them hashed"):format(lines, hashed)
  if hashed > HASHED_MANY then
    return list:advice("known_hosts", said .. ": each host looked up is compared with all of those",
      "HashKnownHosts no, and plain names from ssh-keyscan; or @cert-authority")
  end
  list:ok("known_hosts", said)
end

-- ---- all of it -----------------------------------------------------------------------------

--- The findings on this machine.
---@return perilune.Finding[]
function checkup.here()
  local list = checkup.findings()
  local versions = require("perilune.core.transport").versions()
  versions.perilune = require("perilune.core.boot").version
  versions.sqlite = require("perilune.core.store").sqlite_version
  check_versions(list, versions)
  check_programs(list)
  check_descriptors(list)
  local agent_keys = check_agent(list)
  check_keys(list, { agent_keys = agent_keys, signs_rsa = signs_rsa(versions) })
  check_known_hosts(list)
  check_configuration(list)
  check_state(list)
  check_clock(list)
  check_terminal(list)
  return list
end

--- The program that runs beside commands on hosts, and its SHA-256.
---@return string text
---@return string sum
function checkup.supervisor()
  return require("perilune.core.transport").supervisor()
end

return checkup
