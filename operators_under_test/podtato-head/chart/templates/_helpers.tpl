{{- define "podtato-head.name" -}}
{{- if contains "podtato-head" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-podtato-head" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "podtato-head.selectorLabels" -}}
app.kubernetes.io/name: podtato-head-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "podtato-head.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{ include "podtato-head.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}
