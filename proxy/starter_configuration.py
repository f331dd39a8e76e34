"""What `grantproxy init` writes: the smallest useful profile, and everything else beside it as a comment."""

STARTER_CONFIGURATION = """\
# grantproxy: adds authorization to the requests of programs that are pointed at it.
#
#   grantproxy check                             is this file right?
#   grantproxy explain https://api.example.com/  who owns this request, what is written into it?
#   grantproxy test orders                       do the credentials work?
#   grantproxy run -- curl https://api.example.com/
#
# Any scalar can be overridden by the environment, nested names joined by two underscores:
# GRANTPROXY_LISTEN=127.0.0.1:9090, GRANTPROXY_PROFILES__ORDERS__GRANT__DEFAULT_LIFETIME=600.
# Values may refer to a secret kept elsewhere: ${env:NAME}, ${file:/run/secrets/x}, ${keyring:service/name}.
# Further profiles may stand one a file in profiles.d/ beside this file; the file's stem is the name.

listen: 127.0.0.1:8080            # where programs reach the proxy
# console: 127.0.0.1:8082         # web console, health, metrics; null turns it off
# console_hosts: [proxy.internal] # names besides localhost and addresses under which the console is reached
# console_url: https://console.example.com  # where people reach it behind a proxy with TLS
# console_secret: ${env:CONSOLE_SECRET}  # to sign in with; else a token is printed at each start
# console_editing: true           # whether profiles can be written there
# unmatched: tunnel               # a host no profile owns: tunnel (its TLS untouched) | refuse
# store: memory                   # where tokens are held
# state_dir: ~/.local/state/grantproxy
# ca_dir: ~/.mitmproxy            # the certificate authority that programs have to trust
# trusted_ca: company-ca.pem      # believed for origins and token endpoints, besides the usual ones
# clients:                        # who may use the proxy; none: whoever reaches a loopback listener
#   bot-1: {secret: "${env:BOT_1_SECRET}", profiles: [orders], end_users: [alice]}
# end_user_header: X-End-User     # in which clients name the end user; default: the client is it
# limits:                         # what clients and origins may cost; times in seconds
#   line: 16KiB                   # the longest request line
#   head: 64KiB                   # the largest head of a request or answer
#   fields: 200                   # the most header fields
#   body: null                    # the largest request body; null: any
#   header_timeout: 30            # for a head to arrive, and for a TLS handshake
#   idle_timeout: 300             # for a connection without a request
#   origin_idle_timeout: 30       # for an idle connection to an origin
#   connect_timeout: 10
#   read_timeout: 600             # without a byte of an answer
#   write_timeout: 60             # in which a peer takes nothing
#   minimum_rate: 100             # bytes a second of a body that is waited for; 0: any
#   tunnel_idle_timeout: 3600
#   connections: 10000            # of clients, in all
#   connections_per_client: 2000  # from one address
#   requests_per_origin: 512      # in flight
#   queue_per_origin: 2048        # waiting for that
#   queue_timeout: 30
#   origin_idle_connections: 128  # kept for one origin

profiles:
  orders:
    description: Orders API of Example Corp
    # extends: keycloak           # what a provider wants; `grantproxy init --list-presets` shows which
    match:                        # which requests this profile owns: any entry
      - host: api.example.com     # exact, *.example.com, or with captures: "{tenant}.example.com"
        scheme: https
        # port: 443
        # methods: [GET, POST]
        # path: /api/**           # * one segment, ** any number
    # tenancy:
    #   base_url: "https://{tenant}.example.com"    # relative URLs below resolve against it
    #   tenant: acme                                # where the match captured none
    #   tenants:                                    # all that are served, where they are named
    #     acme: {credentials: {username: acme-bot}}   # these win over the profile's, key by key
    # mode: preauthorized         # or per_user: each end user enters credentials of their own
    credentials:                  # by the key of a form field
      username: bot
      password: ${env:ORDERS_PASSWORD}
      # pin: "4711"               # in quotes: form-field values are text
    # form_fields:                # what the token endpoint is sent; default: username and password
    #   - {key: username, title: User name}
    #   - {key: password, title: Password, type: password}
    #   - {key: pin, title: PIN, type: password, data_type: number}
    # regenerate: true            # password grant again when the refresh token has died
    grant:
      token_endpoint: https://api.example.com/oauth/token
      # refresh_endpoint: null    # default: token_endpoint
      # method: POST              # GET POST PUT PATCH DELETE
      # content_type: urlencoded  # or json
      # client_id: bot-client
      # client_secret: ${env:ORDERS_CLIENT_SECRET}
      # client_authentication: client_secret_basic  # _basic_raw, client_secret_post, none
      # scope: [read, write]
      # headers: {X-Tenant: "{{tenant}}"}
      # query: {}
      # parameters: {audience: orders}              # added to both token requests
      # body: null                # a mapping replaces the standard parameters of the password request
      # refresh_body: null        # likewise for the refresh request
      # refresh_method: null      # this and the next four: where the refresh request differs
      # refresh_content_type: null
      # refresh_headers: null
      # refresh_query: null
      # refresh_parameters: null
      # response:                 # where the answer has it: JMESPath, header:Name or cookie:Name
      #   access_token: access_token
      #   expires_in: expires_in
      #   # expires_at: expires   # epoch or ISO 8601, in the place of expires_in
      # expires_in_unit: seconds  # or milliseconds
      # default_lifetime: 3600    # when the answer names none and the token is no JWT with exp
    # fields:                     # what is written into each request; default: the Bearer header
    #   - {in: header, key: Authorization, value: "Bearer {{access_token}}"}
    #   - {in: query, key: api_key, value: "{{token.api_key}}"}
    #   - {in: payload, key: customer.id, value: "{{username}}"}
    #   - {in: path, key: accountId, value: "{{token.account_id}}"}
    # auth_error: 401             # a status, a list, or [{status: 200, body: '"code": *60[12]'}]
    # check_url: https://api.example.com/api/me     # what `grantproxy test` calls
    # connector: http://gateway.example.net:3128    # the way to origin and token endpoint; also https, socks5
    # trusted_ca: orders-ca.pem   # believed for this origin and token endpoint, besides the others
    # client_certificate: bot.pem # presented to both
    # client_key: bot-key.pem     # where it is not in the same file
    # client_key_password: ${env:BOT_KEY_PASSWORD}
    # allow_cleartext: false      # credentials over http to a host that is not loopback
    # payload_limit: 10MiB        # the largest body a payload field is written into
    # replay_limit: 1MiB          # how much of a body is kept to send the request once more
    # renewal_cooldown: 10        # seconds; how long rejections of fresh tokens pass straight through
    # timeout: 30                 # seconds; for connecting to the token endpoint, and for each read
    # margin: 30                  # seconds before its expiry at which a token is sent no more

# Not part of this release yet, and refused:
# workers: 4                      # processes
"""
