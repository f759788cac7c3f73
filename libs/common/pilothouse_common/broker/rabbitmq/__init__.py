"""RabbitMQ over AMQP 0-9-1: the only place that imports pika. Start at broker.py."""

from pilothouse_common.broker.rabbitmq.broker import RabbitBroker

__all__ = ["RabbitBroker"]
