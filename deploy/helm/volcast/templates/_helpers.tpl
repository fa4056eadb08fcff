{{- define "volcast.fullname" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "volcast.serviceAccount" -}}
{{- default (include "volcast.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "volcast.image" -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag -}}
{{- with .Values.image.digest -}}{{ $.Values.image.repository }}:{{ $tag }}@{{ . }}{{- else -}}{{ .Values.image.repository }}:{{ $tag }}{{- end -}}
{{- end -}}

{{- /* Labels by which pods are selected: (list . "component"). They never change. */ -}}
{{- define "volcast.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: volcast
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "volcast.labels" -}}
{{- $root := index . 0 -}}
{{ include "volcast.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: volcast
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "volcast.podLabels" -}}
{{ include "volcast.selector" . }}
{{- if (index . 0).Values.istio.enabled }}
sidecar.istio.io/inject: "true"
{{- end }}
{{- end -}}

{{- /* Annotations of pods: (list . own). A changed setting changes them, so that pods are replaced. */ -}}
{{- define "volcast.podAnnotations" -}}
{{- $root := index . 0 -}}
checksum/settings: {{ include (print $root.Template.BasePath "/configmap.yaml") $root | sha256sum }}
{{- if $root.Values.istio.enabled }}
# The application waits for its sidecar, which in turn ends after it. Kafka's own protocol and TLS pass beside the sidecar: a
# consumer that stops still writes its snapshots.
proxy.istio.io/config: |
  holdApplicationUntilProxyStarts: true
  proxyMetadata:
    EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true"
traffic.sidecar.istio.io/excludeOutboundPorts: {{ include "volcast.kafkaPorts" $root | fromJsonArray | join "," | quote }}
{{- end }}
{{- with index . 1 }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "volcast.bus" -}}
{{- if .Values.kafka.strimzi.enabled -}}
{{- if .Values.kafka.address }}{{ fail "kafka.address and kafka.strimzi.enabled exclude each other" }}{{ end -}}
{{ include "volcast.fullname" . }}-kafka-kafka-bootstrap:9093
{{- else -}}
{{ required "kafka.address is needed (host:port of a broker), or kafka.strimzi.enabled" .Values.kafka.address }}
{{- end -}}
{{- end -}}

{{- define "volcast.kafkaPorts" -}}
{{- $ports := list -}}
{{- range splitList "," (include "volcast.bus" .) -}}{{- $ports = append $ports (regexFind "[0-9]+$" . | int) -}}{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}

{{- /* TLS to Kafka, from the values or as Strimzi has it. */ -}}
{{- define "volcast.kafkaTls" -}}
{{- if .Values.kafka.strimzi.enabled -}}
{{- dict "enabled" true "caSecret" (dict "name" (printf "%s-kafka-cluster-ca-cert" (include "volcast.fullname" .)) "key" "ca.crt")
  "clientSecret" (dict "name" "") | toJson -}}
{{- else -}}
{{- .Values.kafka.tls | toJson -}}
{{- end -}}
{{- end -}}

{{- /* The user of a role at Kafka: (list . "role"), role api, consumer or producer. Strimzi's user operator makes a Secret of the user's
       name. Elsewhere it is the user of kafka.sasl.roles, or the one that all roles have. */ -}}
{{- define "volcast.kafkaUser" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
{{- $name := include "volcast.fullname" $root -}}
{{- $sasl := $root.Values.kafka.sasl -}}
{{- $own := get $sasl.roles $role -}}
{{- if $root.Values.kafka.strimzi.enabled -}}
{{- $user := printf "%s-kafka-%s" $name $role -}}
{{- dict "username" $user "mechanism" "SCRAM-SHA-512" "secret" $user "key" "password" | toJson -}}
{{- else if not $sasl.enabled -}}
{{- dict | toJson -}}
{{- else if $own.username -}}
{{- $secret := required (printf "kafka.sasl.roles.%s.existingSecret is needed with its username" $role) $own.existingSecret -}}
{{- dict "username" $own.username "mechanism" $sasl.mechanism "secret" $secret "key" $own.key | toJson -}}
{{- else -}}
{{- $username := required (printf "kafka.sasl.username is needed with kafka.sasl.enabled, or kafka.sasl.roles.%s.username" $role) $sasl.username -}}
{{- dict "username" $username "mechanism" $sasl.mechanism "secret" (default (printf "%s-kafka" $name) $sasl.existingSecret) "key" $sasl.key | toJson -}}
{{- end -}}
{{- end -}}

{{- /* Environment of the pods of a role: (list . "role"). */ -}}
{{- define "volcast.env" -}}
{{- $root := index . 0 -}}
{{- $user := include "volcast.kafkaUser" . | fromJson -}}
{{- with $user.username }}
- {name: VOLCAST_KAFKA_USERNAME, value: {{ . | quote }}}
- {name: VOLCAST_KAFKA_SASL_MECHANISM, value: {{ $user.mechanism }}}
- name: VOLCAST_KAFKA_PASSWORD
  valueFrom:
    secretKeyRef: {name: {{ $user.secret }}, key: {{ $user.key }}}
{{- end }}
{{- with $root.Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "volcast.mounts" -}}
{{- $tls := include "volcast.kafkaTls" . | fromJson -}}
- name: tmp
  mountPath: /tmp
{{- if and $tls.enabled $tls.caSecret.name }}
- name: kafka-ca
  mountPath: /etc/volcast/kafka-ca
  readOnly: true
{{- end }}
{{- if and $tls.enabled $tls.clientSecret.name }}
- name: kafka-client
  mountPath: /etc/volcast/kafka-client
  readOnly: true
{{- end }}
{{- end -}}

{{- define "volcast.volumes" -}}
{{- $tls := include "volcast.kafkaTls" . | fromJson -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- if and $tls.enabled $tls.caSecret.name }}
- name: kafka-ca
  secret: {secretName: {{ $tls.caSecret.name }}, defaultMode: 0440}
{{- end }}
{{- if and $tls.enabled $tls.clientSecret.name }}
- name: kafka-client
  secret: {secretName: {{ $tls.clientSecret.name }}, defaultMode: 0440}
{{- end }}
{{- end -}}

{{- /* What all pods have in common: (list . "component" own), own with nodeSelector and tolerations. */ -}}
{{- define "volcast.pod" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $own := index . 2 -}}
serviceAccountName: {{ include "volcast.serviceAccount" $root }}
automountServiceAccountToken: false
# Else each Service would give the pods variables such as VOLCAST_PORT, which are names of settings.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Spread over nodes and zones: (list . "component" revision), with the label of a pod that names its revision. */ -}}
{{- define "volcast.spread" -}}
{{- $root := index . 0 -}}
topologySpreadConstraints:
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: {{ if eq . "kubernetes.io/hostname" }}{{ $root.Values.topologySpread }}{{ else }}ScheduleAnyway{{ end }}
    labelSelector:
      matchLabels: {{- include "volcast.selector" (list $root (index $ 1)) | nindent 8 }}
    matchLabelKeys: [{{ index $ 2 }}]
{{- end }}
{{- end -}}

{{- /* What all containers have in common: (list . resources). */ -}}
{{- define "volcast.container" -}}
{{- $root := index . 0 -}}
image: {{ include "volcast.image" $root | quote }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
resources: {{- toYaml (index . 1) | nindent 2 }}
{{- end -}}

{{- /* The same for the long loop, whose image has the extra: (list . resources). */ -}}
{{- define "volcast.lifecycleContainer" -}}
{{- $root := index . 0 -}}
{{- $own := $root.Values.lifecycle.image -}}
{{- $tag := default $root.Chart.AppVersion $own.tag -}}
image: {{ with $own.digest }}{{ printf "%s:%s@%s" $own.repository $tag . | quote }}{{ else }}{{ printf "%s:%s" $own.repository $tag | quote }}{{ end }}
{{ regexReplaceAll "^image: [^\n]*\n" (include "volcast.container" .) "" }}
{{- end -}}

{{- /* Where the bucket is, and who may write to it. */ -}}
{{- define "volcast.lifecycleEnv" -}}
{{- $s3 := .Values.lifecycle.s3 -}}
- {name: AWS_REGION, value: {{ $s3.region | quote }}}
{{- with $s3.endpoint }}
- {name: AWS_ENDPOINT_URL, value: {{ . | quote }}}
{{- end }}
{{- with $s3.existingSecret }}
- name: AWS_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ . }}, key: {{ $s3.accessKey }}}}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ . }}, key: {{ $s3.secretKey }}}}
{{- end }}
# The libraries of the night keep files there; nothing is reported to their makers.
- {name: HOME, value: /tmp}
- {name: MLFLOW_DISABLE_TELEMETRY, value: "true"}
- {name: DO_NOT_TRACK, value: "true"}
{{- end -}}

{{- /* Ports of the S3 server and of MLflow. */ -}}
{{- define "volcast.lifecyclePorts" -}}
{{- $ports := list -}}
{{- range list (default "https://s3" .Values.lifecycle.s3.endpoint) .Values.lifecycle.nightly.mlflow.trackingUri -}}
{{- if . -}}
{{- $default := ternary 443 80 (hasPrefix "https://" .) -}}
{{- $named := regexFind ":[0-9]+" (regexReplaceAll "^https?://" . "") | trimPrefix ":" -}}
{{- $ports = append $ports (default $default (int $named)) -}}
{{- end -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}
