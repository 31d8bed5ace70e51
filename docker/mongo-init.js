// Makes the replica set and the provider's user. It may run again: what is there stays.
const fs = require("node:fs");
const secret = (name) => fs.readFileSync(`/run/secrets/${name}`, "utf8").trim();
const root = encodeURIComponent(secret("mongodb-root-password"));
const admin = connect(`mongodb://root:${root}@mongo:27017/admin?directConnection=true`);

try {
  admin.adminCommand({ replSetGetStatus: 1 });
} catch (error) {
  if (error.codeName !== "NotYetInitialized") throw error;
  admin.adminCommand({ replSetInitiate: { _id: "hyrja", members: [{ _id: 0, host: "mongo:27017" }] } });
}
while (!admin.hello().isWritablePrimary) sleep(200);

const database = admin.getSiblingDB("hyrja");
const user = { pwd: secret("mongodb-password"), roles: [{ role: "readWrite", db: "hyrja" }] };
if (database.getUser("hyrja") === null) database.createUser({ user: "hyrja", ...user });
else database.updateUser("hyrja", user);
