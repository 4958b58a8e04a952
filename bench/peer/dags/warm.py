"""A few jobs before the measurement: they warm Airflow, and show how many at once are best."""

import os

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

JOBS = int(os.environ["PEER_WARM"])

with DAG("warm", schedule=None, max_active_tasks=JOBS):
    for number in range(JOBS):
        BashOperator(task_id=f"p{number}", bash_command="true")
